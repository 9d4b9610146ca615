/** HogQL's own words, as its grammar has them. */

const words = (/** @type {string} */ text) => new Set(text.trim().split(/\s+/));

export const KEYWORDS = words(`
  all and anti any array as asc ascending asof between both by case cast cohort collate columns cross cube current desc
  descending distinct else end except exclude extract fill filter final following for from full group grouping having
  ignore ilike in inner intersect interpolate interval is join lambda leading left like limit materialized natural not
  nulls offset on or order outer over partition pivot preceding prewhere qualify range recursive replace right rollup
  row rows sample select semi sets step then ties to totals trailing try_cast unbounded union unpivot using values when
  where window with within
`);

export const ATOMS = words("true false null nan inf infinity");

/** Units are words of the language after a number alone: `interval 7 day`. */
export const UNITS = /^(?:second|minute|hour|day|week|month|quarter|year)s?$/;

/** Keywords that are a function's name before a bracket: `any(x)`, `left(x, 2)`. */
export const FUNCTIONS_TOO = words("any array left range replace right");
