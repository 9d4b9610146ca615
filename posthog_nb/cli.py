"""The command line: ``posthog-nb COMMAND``. Each command is a function that adds its parser and one that runs."""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from posthog_nb.errors import PostHogError, StoreHeldError
from posthog_nb.params import parse_param
from posthog_nb.version import __version__
from posthog_nb.visible import counted, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posthog_nb.embedded.holding import ServerRecord
    from posthog_nb.settings.profiles import Profile

__all__ = ["main"]

HELD = 2
REFUSED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the process's exit code.

    It is 0, 1 for an error or a snapshot that does not hold, 2 for a store that is held.
    """
    parser = argparse.ArgumentParser(prog="posthog-nb", description="PostHog in a notebook.")
    parser.add_argument("--version", action="version", version=f"posthog-nb {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_demo(commands)
    _add_serve(commands)
    _add_profile(commands)
    _add_report(commands)
    _add_snapshot(commands)
    chosen = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file or a pipe may not take every character that a report has; on Windows it does not.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        found: int | None = chosen.run(chosen)
        print(end="", flush=True)
    except PostHogError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return HELD if isinstance(error, StoreHeldError) else REFUSED
    except BrokenPipeError:
        # Who reads, such as `head`, has enough. The rest goes nowhere, or Python would complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except KeyboardInterrupt:
        return 130
    return found or 0


DEMO_QUERY = """\
SELECT event, count() AS n, count(DISTINCT person_id) AS persons, max(timestamp) AS latest
FROM events
WHERE timestamp > now() - INTERVAL 30 DAY
GROUP BY event
ORDER BY n DESC
LIMIT 8"""

QUICKSTART = "notebooks/01-quickstart.ipynb"


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "demo",
        help="ask the demo project one question and show the frame",
        description="Load the demo project into memory, ask it one question in HogQL and show the frame.",
    )
    parser.set_defaults(run=_demo)


def _demo(_chosen: argparse.Namespace) -> None:
    from posthog_nb.connecting import connect  # noqa: PLC0415 - the engine and a frame library load for this command alone
    from posthog_nb.embedded.demo import VERSION  # noqa: PLC0415 - as above

    with connect("demo") as ph:
        frame = ph.query(DEMO_QUERY).to_pandas()
    print(
        f"{DEMO_QUERY}\n\n{frame.to_string()}\n\n"
        f"That was made-up data (version {VERSION} of the demo), in memory, on ClickHouse in this process. Next:\n\n"
        f"  {_next_step()}"
    )


def _next_step() -> str:
    if Path(QUICKSTART).exists():
        return f".venv/bin/pip install '.[lab,plot]' && .venv/bin/jupyter lab {QUICKSTART}"
    # Installed without a clone, so the notebooks are not at hand.
    return "pip install 'posthog-nb[lab,plot]' && jupyter lab, and in a first cell: %load_ext posthog_nb"


def _add_serve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "serve",
        help="serve a project of your own on 127.0.0.1, for notebooks and any PostHog SDK",
        description="Serve a PostHog project on 127.0.0.1 until Ctrl-C or SIGTERM. Its keys are printed here, at "
        "their owner's terminal, and nowhere else.",
    )
    parser.add_argument("--path", type=_folder, metavar="DIR", help="keep the project in this folder (else in memory)")
    parser.add_argument("--port", type=_port, default=0, metavar="N", help="listen on this port (else a free one)")
    parser.add_argument(
        "--timezone", metavar="ZONE", help="the project's time zone from now on, such as Europe/London (a new one: UTC)"
    )
    parser.add_argument(
        "--week-start",
        metavar="DAY",
        help="the day its weeks start on from now on, sunday or monday (a new one: sunday)",
    )
    parser.add_argument(
        "--person-mode", metavar="MODE", help="its personsOnEventsMode from now on (a new one: PostHog's default)"
    )
    parser.add_argument(
        "--idle-exit", type=_seconds, metavar="SECONDS", help="end after so long without a request (else never)"
    )
    parser.set_defaults(run=_serve)


def _serve(chosen: argparse.Namespace) -> None:
    from posthog_nb.embedded.project import project_settings  # noqa: PLC0415 - the engine loads for this command alone
    from posthog_nb.embedded.serve import serve  # noqa: PLC0415 - as above

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    path = None if chosen.path is None else chosen.path.expanduser().absolute()
    serve(
        path,
        port=chosen.port,
        settings=project_settings(chosen.timezone, chosen.week_start, chosen.person_mode),
        idle_exit=chosen.idle_exit,
        on_ready=lambda record: _show(record, path),
    )


def _show(record: ServerRecord, path: Path | None) -> None:
    where = "in memory, gone when this ends" if path is None else f"at {path}"
    print(
        f"PostHog project {record.project_id}, {where}.\n"
        "\n"
        f"  POSTHOG_HOST={record.url}\n"
        f"  POSTHOG_PROJECT_ID={record.project_id}\n"
        f"  POSTHOG_PROJECT_TOKEN={record.project_token}\n"
        f"  POSTHOG_PERSONAL_API_KEY={record.personal_api_key}\n"
        "\n"
        "Ctrl-C ends it. The key reads everything in this project: keep it to yourself.",
        flush=True,
    )


def _add_profile(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "profile",
        help="keep settings and keys under a name, for connect(profile=...)",
        description="Profiles: named settings in a file that is yours alone, their keys there or in the keyring.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="show the profiles, without their keys")
    listing.set_defaults(run=_list_profiles)
    save = actions.add_parser(
        "save",
        help="save a profile; its key and token are asked for and not shown",
        description="Save a profile, in place of one of the same name. Its key and token are asked for and not shown.",
    )
    save.add_argument("name", nargs="?", default="default", help='what to call it (else "default")')
    save.add_argument("--host", required=True, help="us, eu or the URL of a PostHog")
    save.add_argument("--project-id", metavar="N", help="the project's number")
    save.add_argument("--keyring", action="store_true", help="keep the key and the token in the system's keyring")
    save.add_argument("--default", action="store_true", help="make it the one that counts when none is named")
    save.set_defaults(run=_save_profile)
    remove = actions.add_parser("remove", help="remove a profile and what the keyring holds for it")
    remove.add_argument("name", help="which one")
    remove.set_defaults(run=_remove_profile)


def _list_profiles(_chosen: argparse.Namespace) -> None:
    from posthog_nb.settings.profiles import profiles_path, read_profiles  # noqa: PLC0415 - for this command alone

    kept = read_profiles()
    print(profiles_path() if kept.profiles else f"There are no profiles in {profiles_path()}.")
    for profile in kept.profiles.values():
        print("*" if profile is kept.usual else " ", _described(profile))


def _described(profile: Profile) -> str:
    project = "" if profile.project_id is None else f", project {profile.project_id}"
    kept_here = [str(secret) for secret in (profile.personal_api_key, profile.project_token) if secret]
    secrets = "keys in the keyring" if profile.keyring else ", ".join(kept_here) or "no keys"
    return f"{profile.name}: {profile.target.api_url}{project}, {secrets}"


def _save_profile(chosen: argparse.Namespace) -> None:
    from posthog_nb.settings.profiles import read_profiles, save_profile  # noqa: PLC0415 - as above

    path = save_profile(
        chosen.name,
        host=chosen.host,
        project_id=chosen.project_id,
        keyring=chosen.keyring,
        default=chosen.default,
    )
    print(f"{_described(read_profiles().profiles[chosen.name])}. Saved in {path}.")


def _remove_profile(chosen: argparse.Namespace) -> None:
    from posthog_nb.settings import remove_profile  # noqa: PLC0415 - as above

    remove_profile(chosen.name)
    print(f"Removed {chosen.name}.")


def _add_report(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "report",
        help="run a notebook and make one page of it, for somebody without Jupyter",
        description="Run a notebook from a clean kernel and write it as one page that needs no other file, no network "
        "and no script. Where a cell fails, nothing is written.",
    )
    parser.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="an .ipynb file, which stays as it is")
    parser.add_argument("--to", choices=["html"], default="html", help="the kind of page (html)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the page (else beside the notebook)")
    parser.add_argument(
        "-p",
        "--param",
        type=_param,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a value in place of the one in the cell with the tag parameters; JSON (a number, a list, true, null, "
        '"text") is what it says, anything else is text; may be repeated',
    )
    parser.add_argument("--no-run", action="store_true", help="show the outputs that are saved in the notebook")
    parser.add_argument("--no-code", action="store_true", help="leave the code out")
    parser.set_defaults(run=_report)


def _report(chosen: argparse.Namespace) -> None:
    from posthog_nb.report import make_report  # noqa: PLC0415 - for this command alone

    report = make_report(
        chosen.notebook,
        chosen.output,
        parameters=dict(chosen.param),
        run=not chosen.no_run,
        code=not chosen.no_code,
    )
    for remark in report.remarks:
        print(remark, file=sys.stderr)
    print(f"{report.path}: {report.path.stat().st_size // 1000:,} kB")


def _param(text: str) -> tuple[str, object]:
    try:
        return parse_param(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _add_snapshot(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "snapshot",
        help="see what is in a snapshot, verify that it holds, make it smaller",
        description="Snapshots: the answers that a notebook recorded, in a folder beside it.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    verify = actions.add_parser(
        "verify",
        help="ask everything again, and fail where something differs",
        description="Ask PostHog everything again that a snapshot holds, and say what is the same, what differs and "
        "what is gone. The exit code is 1 unless all of it is the same.",
    )
    verify.add_argument("--profile", metavar="P", help="ask with this saved profile (else by the usual settings)")
    verify.set_defaults(run=_verify_snapshot)
    listing = actions.add_parser("list", help="show what was asked, and when")
    listing.set_defaults(run=_list_snapshot)
    prune = actions.add_parser("prune", help="remove older answers, and files that no answer needs")
    prune.add_argument("--before", metavar="DATE", help="remove answers from before this time (else none)")
    prune.set_defaults(run=_prune_snapshot)
    for action in (verify, listing, prune):
        action.add_argument("path", metavar="PATH", help="the snapshot's folder")


def _verify_snapshot(chosen: argparse.Namespace) -> int:
    from posthog_nb.connecting import connect  # noqa: PLC0415 - for this command alone, here and below
    from posthog_nb.verifying.snapshot import Snapshot  # noqa: PLC0415

    snapshot = Snapshot(chosen.path)
    client = None if chosen.profile is None else connect(profile=chosen.profile)
    found = snapshot.verify(client, progress=sys.stderr.isatty())
    print(found)
    return 0 if found.ok else REFUSED


def _list_snapshot(chosen: argparse.Namespace) -> None:
    from posthog_nb.verifying.snapshot import Snapshot  # noqa: PLC0415

    snapshot = Snapshot(chosen.path)
    print(snapshot)
    for one in snapshot.list(frame="arrow").to_pylist():
        rows = "" if one["count"] is None else counted(one["count"], "row")
        parts = [
            f"{one['recorded_at']:%Y-%m-%d %H:%M}",
            one["asked"],
            one["values"],
            one["rows"],
            one["refused"] or rows,
        ]
        print(visible("  ".join(filter(None, parts))))


def _prune_snapshot(chosen: argparse.Namespace) -> None:
    from posthog_nb.verifying.snapshot import Snapshot  # noqa: PLC0415

    print(Snapshot(chosen.path).prune(chosen.before))


def _folder(text: str) -> Path:
    if not text.strip():
        # Of a shell variable that is not set. To Python it is the working directory, which would become a store.
        raise argparse.ArgumentTypeError(f"{text!r} is no folder")
    return Path(text)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) < 2**16):
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds
