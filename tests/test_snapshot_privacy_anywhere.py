"""Whatever an answer looks like, nothing of what is covered is left in it, and nothing else is changed."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from posthog_nb.cautions import PersonalDataWarning
from posthog_nb.frames import ClickHouseType, Table
from posthog_nb.snapshots.asked import Answered, Asked
from posthog_nb.snapshots.privacy import Privacy, Veil

MASK = ("email", 'q"t', "back\\slash", "é", "$set.x")
DROP = ("😀", "x/y", "tab\t", "Email ")
PRIVACY = Privacy(mask=MASK, drop=DROP)
SECRET = "zz-secret-zz"
PLAIN_KEYS = ("Email", "emails", "plan", "$set", "x", "", 'a"b', "properties")
HOSTILE = st.text('"\\{}[],: \n/bcd1', max_size=8)
"""Texts of what JSON is made of, without the letters of a covered name."""


@dataclass(frozen=True)
class Inner:
    """JSON within a text."""

    value: object


def secrets():
    """Values that nobody may see, which are no text alone."""
    return st.recursive(
        HOSTILE.map(lambda text: text + SECRET + text),
        lambda inner: st.lists(inner, min_size=1, max_size=2) | st.dictionaries(HOSTILE, inner, min_size=1, max_size=2),
        max_leaves=3,
    ).map(lambda value: ("secret", value))


def objects():
    single = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | HOSTILE
    return st.recursive(
        single,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.builds(lambda plain, covered: plain | covered, _plain(inner), _covered(inner))
            | st.builds(Inner, st.builds(lambda plain, covered: covered | plain, _plain(inner), _covered(inner)))
        ),
        max_leaves=12,
    )


def _plain(inner):
    return st.dictionaries(st.sampled_from(PLAIN_KEYS), inner, max_size=3)


def _covered(inner):
    return st.dictionaries(st.sampled_from(MASK + DROP), secrets() | inner, max_size=3)


def written(value, style):
    """The JSON of a value."""

    def plain(value):
        match value:
            case ("secret", found):
                return found
            case Inner():
                return json.dumps(plain(value.value), **style)
            case list():
                return [plain(item) for item in value]
            case dict():
                return {key: plain(item) for key, item in value.items()}
        return value

    return json.dumps(plain(value), **style)


def wanted(value):
    """What is to be left of a value, JSON within texts read."""
    match value:
        case Inner():
            return wanted(value.value)
        case list():
            return [wanted(item) for item in value]
        case dict():
            return {
                key: _masked(item) if key in MASK else wanted(item) for key, item in value.items() if key not in DROP
            }
    return value


def _masked(value):
    return "(masked)" if isinstance(value, str | list | dict | tuple | Inner) else None


def read(value, like):
    """A covered value with the JSON within texts read, as ``like`` tells where there is some."""
    match like:
        case Inner():
            return read(json.loads(value), like.value)
        case list():
            return [read(*pair) for pair in zip(value, like, strict=True)]
        case dict():
            return {key: item if key in MASK else read(item, like[key]) for key, item in value.items()}
    return value


def covered(veil, arrow, hogql="SELECT * FROM t"):
    kinds = (ClickHouseType("String"),) * arrow.num_columns
    answered = Answered(Table(arrow, kinds), "demo", tuple(arrow.column_names))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersonalDataWarning)
        return veil.cover(Asked.query(hogql, {}, None), answered).table.arrow


def in_bytes(arrow):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, arrow.schema) as writer:
        writer.write_table(arrow)
    return sink.getvalue().to_pybytes()


STYLES = st.fixed_dictionaries(
    {
        "ensure_ascii": st.booleans(),
        "indent": st.sampled_from([None, 0, 2]),
        "separators": st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]),
    }
)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(objects(), STYLES), min_size=1, max_size=4))
def test_of_json_what_is_covered_is_gone_and_the_rest_is_there(rows):
    texts = [written(value, style) for value, style in rows]
    found = covered(Veil(PRIVACY), pa.table({"properties": texts}))
    assert SECRET.encode() not in in_bytes(found)
    for text, (value, _) in zip(found["properties"].to_pylist(), rows, strict=True):
        assert read(json.loads(text), value) == wanted(value)


@settings(max_examples=100, deadline=None)
@given(objects(), STYLES, st.integers(0, 300))
def test_of_json_that_is_cut_off_nothing_is_left_that_is_covered(value, style, length):
    text = written(value, style)
    (found,) = covered(Veil(PRIVACY), pa.table({"p": [text[:length]]}))["p"].to_pylist()
    assert SECRET not in found


# Arrow -------------------------------------------------------------------------------------------------------------


@st.composite
def columns(draw, secret, depth=3):
    """An Arrow type and a strategy for its values; of a secret one, each text is the secret."""
    kind = draw(st.sampled_from(["text", "number", *(["list", "struct", "map"] if depth else [])]))
    match kind:
        case "text":
            return pa.string(), st.none() | (st.just(SECRET) if secret else HOSTILE)
        case "number":
            return pa.int64(), st.none() | st.integers(-9, 9)
        case "list":
            inner, values = draw(columns(secret, depth - 1))
            return pa.list_(inner), st.none() | st.lists(values, max_size=3)
        case "struct":
            names = draw(st.lists(st.sampled_from([*MASK, *DROP, "1", "plan"]), min_size=1, max_size=2, unique=True))
            parts = {name: draw(columns(secret or _how(name) is not None, depth - 1)) for name in names}
            fields = st.fixed_dictionaries({name: values for name, (_, values) in parts.items()})
            return pa.struct([(name, inner) for name, (inner, _) in parts.items()]), st.none() | fields
    inner, values = draw(columns(secret, depth - 1))
    entries = st.dictionaries(st.just(SECRET) if secret else HOSTILE, values, max_size=2)
    if inner == pa.string():
        hidden = st.dictionaries(st.sampled_from(MASK + DROP), st.just(SECRET), max_size=2)
        entries = st.builds(lambda one, two: {**one, **two}, entries, hidden)
    return pa.map_(pa.string(), inner), st.none() | entries.map(lambda found: list(found.items()))


@st.composite
def tables(draw):
    names = draw(st.lists(st.sampled_from(["email", "é", "x/y", "event", "n"]), min_size=1, max_size=3, unique=True))
    arrays = []
    for name in names:
        kind, values = draw(columns(_how(name) is not None))
        arrays.append(pa.array(draw(st.lists(values, min_size=4, max_size=4)), type=kind))
    return pa.table(arrays, names=names)


def left(value, kind, how=None):
    """What is to be left of an Arrow value."""
    if value is None:
        return None
    if pa.types.is_string(kind):
        return {"mask": "(masked)", "drop": None, None: value}[how]
    if pa.types.is_list(kind):
        return [left(item, kind.value_type, how) for item in value]
    if pa.types.is_struct(kind):
        own = {field.name: how if how == "mask" else _how(field.name) or how for field in kind}
        return {field.name: left(value[field.name], field.type, own[field.name]) for field in kind}
    if pa.types.is_map(kind):
        return [
            (key if how is None else "(masked)", left(item, kind.item_type, how if how == "mask" else _how(key) or how))
            for key, item in value
        ]
    return value if how is None else None


def _how(name):
    return "mask" if name in MASK else "drop" if name in DROP else None


@settings(max_examples=120, deadline=None)
@given(tables(), st.integers(0, 2))
def test_of_nested_columns_what_is_covered_is_gone_and_the_rest_is_as_it_was(arrow, start):
    arrow = pa.concat_tables([arrow, arrow]).slice(start, 5)
    found = covered(Veil(PRIVACY), arrow)
    assert found.schema.equals(arrow.schema)
    found.validate(full=True)
    assert SECRET.encode() not in in_bytes(found)
    for name in arrow.column_names:
        kind = arrow.schema.field(name).type
        expected = [left(value, kind, _how(name)) for value in arrow[name].to_pylist()]
        assert found[name].to_pylist() == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.uuids().map(lambda one: f"u'{one}\\"), min_size=1, max_size=5, unique=True), STYLES)
def test_no_id_is_left_and_each_can_be_asked_for(ids, style):
    veil = Veil(Privacy(hash_ids=True))
    texts = [
        json.dumps({"$set": {"distinct_id": one}, "inner": json.dumps({"distinct_ids": [one]})}, **style) for one in ids
    ]
    arrow = pa.table({"distinct_id": ids, "properties": texts})
    found = covered(veil, arrow)
    pseudonyms = found["distinct_id"].to_pylist()
    assert veil.real(pseudonyms) == ids
    assert not any(one[2:-1].encode() in in_bytes(found) for one in ids)
    for pseudonym, text in zip(pseudonyms, found["properties"].to_pylist(), strict=True):
        read = json.loads(text)
        assert (read["$set"]["distinct_id"], json.loads(read["inner"])["distinct_ids"]) == (pseudonym, [pseudonym])
    assert covered(veil, found).equals(found)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.none() | st.from_regex(r"[a-z\"_ é]{0,5}ph[cxsar]_[A-Za-z0-9_\-]{0,30}.{0,5}", fullmatch=True), max_size=5
    )
)
def test_a_key_is_redacted_once_and_for_all(texts):
    arrow = pa.table(
        {"a": pa.array(texts, type=pa.string()), "b": pa.array([[text] for text in texts], pa.list_(pa.string()))}
    )
    once = covered(Veil(Privacy()), arrow)
    assert covered(Veil(PRIVACY), once).equals(once)
    assert once["a"].to_pylist() == [one for (one,) in once["b"].to_pylist()]
