"""The names of HogQL's functions, as data. Adding a function touches this file alone.

A line of :data:`_PLAIN` is ``<type> <fewest>-<most arguments>: names``, for functions that ClickHouse has under the
same name. ``*`` means any number, ``?`` an unknown type, ``=`` the type of the first argument.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql import rewrites as rw
from posthog_nb.embedded.hogql import time_rewrites as tm
from posthog_nb.embedded.hogql.aggregate_table import AGGREGATES, WINDOW_FUNCTIONS
from posthog_nb.embedded.hogql.functions import Function
from posthog_nb.embedded.hogql.types import (
    BOOLEAN,
    DATE,
    DATETIME,
    FLOAT,
    INTEGER,
    INTERVAL,
    STRING,
    UNKNOWN,
    UUID,
    Kind,
    Type,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ANY_CASE", "FUNCTIONS"]

_TYPES = {
    "string": STRING,
    "integer": INTEGER,
    "float": FLOAT,
    "boolean": BOOLEAN,
    "date": DATE,
    "datetime": DATETIME,
    "interval": INTERVAL,
    "uuid": UUID,
    "array": Type(Kind.ARRAY),
    "strings": Type(Kind.ARRAY, items=(STRING,)),
    "tuple": Type(Kind.TUPLE),
    "?": None,
    "=": None,
}

_PLAIN = """
? 2-2: plus minus multiply divide modulo moduloOrZero positiveModulo divideDecimal multiplyDecimal
? 1-1: negate
integer 2-2: intDiv intDivOrZero gcd lcm
= 1-1: abs
? 2-2: max2 min2 least greatest
float 0-0: e pi
float 1-1: exp log exp2 log2 exp10 log10 log1p ln sqrt cbrt erf erfc lgamma tgamma sin cos tan asin acos atan sinh cosh
float 1-1: asinh acosh atanh degrees radians
float 2-2: pow power atan2 hypot
integer 1-1: sign intExp2 intExp10 factorial bitCount
integer 0-1: rand rand64
= 1-2: floor ceil round roundBankers trunc
= 1-1: roundToExp2 roundDuration roundAge
= 2-2: roundDown
integer 4-4: width_bucket
integer 2-2: bitAnd bitOr bitXor bitHammingDistance
? 2-2: bitShiftLeft bitShiftRight bitRotateLeft bitRotateRight
? 1-1: bitNot
? 2-3: bitSlice
boolean 2-2: bitTest
boolean 2-*: bitTestAll bitTestAny
boolean 1-1: isFinite isInfinite isNaN
? 2-2: ifNotFinite
boolean 1-1: not
boolean 2-*: and or xor
boolean 1-1: empty notEmpty
integer 1-1: length lengthUTF8 ascii
string 1-1: lower upper lowerUTF8 upperUTF8 reverse reverseUTF8 initcap toValidUTF8 hex base58Encode base64Encode
string 1-1: base58Decode base64Decode tryBase58Decode tryBase64Decode encodeXMLComponent decodeXMLComponent
string 1-1: regexpQuoteMeta extractTextFromHTML encodeURLComponent decodeURLComponent encodeURLFormComponent
string 1-1: decodeURLFormComponent protocol domain domainWithoutWWW topLevelDomain firstSignificantSubdomain
string 1-1: cutToFirstSignificantSubdomain cutToFirstSignificantSubdomainWithWWW path pathFull queryString fragment
string 1-1: queryStringAndFragment cutWWW cutQueryString cutFragment cutQueryStringAndFragment netloc toTypeName
string 1-1: toJSONString formatReadableDecimalSize formatReadableSize formatReadableQuantity
string 1-*: JSONType
string 1-1: monthName h3ToString timeZoneOf
string 1-2: formatReadableTimeDelta
string 1-2: unhex
string 2-2: repeat appendTrailingCharIfAbsent
string 2-3: substring substringUTF8 leftPad rightPad leftPadUTF8 rightPadUTF8 lpad rpad
string 3-3: replace replaceAll replaceOne replaceRegexpAll replaceRegexpOne translate translateUTF8 convertCharset
string 2-2: extract cutURLParameter extractURLParameter
string 2-3: regexpExtract
string 2-*: concatWithSeparator
string 1-*: format
string 2-3: dateName
string 3-4: bar
integer 1-2: port
boolean 2-2: startsWith endsWith match hasSubsequence hasSubsequenceCaseInsensitive hasSubsequenceUTF8
boolean 2-2: hasSubsequenceCaseInsensitiveUTF8 hasToken hasTokenCaseInsensitive
boolean 2-2: hasAnyTokens hasAllTokens
? 2-2: hasTokenOrNull hasTokenCaseInsensitiveOrNull
integer 2-3: position locate positionCaseInsensitive positionUTF8 positionCaseInsensitiveUTF8 countSubstrings
integer 2-3: countSubstringsCaseInsensitive countSubstringsCaseInsensitiveUTF8
integer 2-2: countMatches countMatchesCaseInsensitive
boolean 2-2: multiSearchAny multiSearchAnyCaseInsensitive multiSearchAnyUTF8 multiSearchAnyCaseInsensitiveUTF8
boolean 2-2: multiMatchAny
boolean 3-3: multiFuzzyMatchAny
? 2-3: multiFuzzyMatchAnyIndex multiFuzzyMatchAllIndices multiMatchAnyIndex multiMatchAllIndices
? 2-2: multiSearchAllPositions multiSearchAllPositionsCaseInsensitive multiSearchAllPositionsUTF8
? 2-2: multiSearchAllPositionsCaseInsensitiveUTF8 multiSearchFirstPosition multiSearchFirstPositionCaseInsensitive
? 2-2: multiSearchFirstPositionUTF8 multiSearchFirstPositionCaseInsensitiveUTF8 multiSearchFirstIndex
? 2-2: multiSearchFirstIndexCaseInsensitive multiSearchFirstIndexUTF8 multiSearchFirstIndexCaseInsensitiveUTF8
float 2-2: ngramDistance ngramDistanceCaseInsensitive ngramDistanceUTF8 ngramDistanceCaseInsensitiveUTF8 ngramSearch
float 2-2: ngramSearchCaseInsensitive ngramSearchUTF8 ngramSearchCaseInsensitiveUTF8
strings 1-3: splitByWhitespace splitByNonAlpha alphaTokens tokens
strings 2-3: splitByChar splitByString splitByRegexp ngrams
strings 2-2: extractAll
? 2-2: extractAllGroups extractAllGroupsHorizontal extractAllGroupsVertical extractGroups
strings 1-1: extractURLParameters extractURLParameterNames URLHierarchy URLPathHierarchy
boolean 1-1: isValidJSON isValidUTF8
boolean 1-*: JSONHas
boolean 1-*: JSONExtractBool
integer 1-*: JSONLength JSONExtractUInt JSONExtractInt
? 1-2: JSONArrayLength
float 1-*: JSONExtractFloat
string 1-*: JSONExtractString JSONExtractRaw JSON_VALUE
? 2-*: JSONExtract JSONExtractKeysAndValues
strings 1-*: JSONExtractKeys JSONExtractArrayRaw
array 1-*: JSONExtractKeysAndValuesRaw
array 0-*: array arrayConcat arrayIntersect arrayEnumerateUniq arrayEnumerateDense
? 2-2: arrayElement
boolean 2-2: has hasAll hasAny hasSubstr
integer 2-2: indexOf countEqual
array 1-1: arrayEnumerate arrayPopBack arrayPopFront arrayReverse arrayDistinct arrayFlatten arrayCompact
array 1-*: arrayDifference arrayCumSum arrayCumSumNonNegative arrayZip
array 2-2: arrayPushBack arrayPushFront arrayWithConstant arrayRotateLeft arrayRotateRight
array 2-3: arraySlice arrayResize
array 1-*: arraySort
array 2-*: arrayMap arrayFilter arrayFill arrayReverseFill arraySplit arrayReverseSplit
? 3-*: arrayFold
integer 1-*: arrayCount arrayUniq
boolean 1-*: arrayExists arrayAll
? 2-*: arrayFirst arrayLast
integer 2-*: arrayFirstIndex arrayLastIndex
? 1-*: arrayMin arrayMax arraySum arrayProduct
float 1-*: arrayAvg
float 2-3: arrayAUC
string 1-2: arrayStringConcat
? 1-1: arrayJoin
array 1-3: range
? 2-3: tupleElement
tuple 2-2: tuplePlus tupleMinus tupleMultiply tupleDivide tupleMultiplyByNumber tupleDivideByNumber
tuple 1-1: tupleNegate
integer 2-2: tupleHammingDistance
array 1-1: tupleToNameValuePairs
float 1-1: L1Norm L2Norm LinfNorm
tuple 1-1: L1Normalize L2Normalize LinfNormalize
float 2-2: LpNorm L1Distance L2Distance LinfDistance cosineDistance dotProduct
tuple 2-2: LpNormalize
float 3-3: LpDistance
? 0-*: map mapAdd mapSubtract mapUpdate mapPopulateSeries
? 2-2: mapFromArrays mapApply mapFilter mapExtractKeyLike
array 1-1: mapKeys mapValues
boolean 2-2: mapContains mapContainsKeyLike
? 3-4: transform
integer 1-*: cityHash64
integer 1-1: toYear toQuarter toMonth toDayOfYear toDayOfMonth toHour toMinute toSecond toISOYear toISOWeek
integer 1-1: toUnixTimestamp64Milli toYYYYMM toYYYYMMDD toYYYYMMDDhhmmss timeZoneOffset
integer 1-2: toUnixTimestamp
integer 1-3: toDayOfWeek toWeek toYearWeek
date 1-1: toStartOfYear toStartOfISOYear toStartOfQuarter toStartOfMonth toMonday toLastDayOfMonth
date 1-2: toLastDayOfWeek
datetime 1-2: toStartOfDay
datetime 1-1: toStartOfHour toStartOfMinute toStartOfSecond toStartOfFiveMinutes toStartOfTenMinutes timeSlot toTime
datetime 1-1: toStartOfFifteenMinutes
array 2-3: timeSlots
? 2-4: toStartOfInterval
integer 3-4: dateDiff date_diff age
= 2-2: addDays addHours addMinutes addMonths addQuarters addSeconds addWeeks addYears
= 2-2: subtractDays subtractHours subtractMinutes subtractMonths subtractQuarters subtractSeconds subtractWeeks
= 2-2: subtractYears
interval 1-1: toIntervalSecond toIntervalMinute toIntervalHour toIntervalDay toIntervalWeek toIntervalMonth
interval 1-1: toIntervalQuarter toIntervalYear
integer 1-1: reinterpretAsInt8 reinterpretAsInt16 reinterpretAsInt32 reinterpretAsInt64 reinterpretAsInt128
integer 1-1: reinterpretAsInt256 reinterpretAsUInt8 reinterpretAsUInt16 reinterpretAsUInt32 reinterpretAsUInt64
integer 1-1: reinterpretAsUInt128 reinterpretAsUInt256
float 1-1: reinterpretAsFloat32 reinterpretAsFloat64
uuid 1-1: reinterpretAsUUID
uuid 2-2: toUUIDOrDefault
boolean 1-1: toBool
? 1-1: bitmapBuild bitmapToArray bitmapMin bitmapMax
integer 1-1: bitmapCardinality
boolean 2-2: bitmapContains bitmapHasAny bitmapHasAll
? 2-2: bitmapAnd bitmapOr bitmapXor bitmapAndnot
integer 2-2: bitmapAndCardinality bitmapOrCardinality bitmapXorCardinality bitmapAndnotCardinality
? 3-3: bitmapSubsetInRange bitmapSubsetLimit subBitmap bitmapTransform
float 4-4: geoDistance greatCircleDistance greatCircleAngle
boolean 2-*: pointInPolygon
boolean 6-*: pointInEllipses
string 2-3: geohashEncode
? 1-1: geohashDecode
? 5-5: geohashesInBox
? 2-3: geoToH3
? 3-3: geoToH3
? 1-2: h3ToGeo h3ToGeoBoundary h3GetBaseCell h3HexAreaM2 h3HexAreaKm2 h3EdgeAngle h3EdgeLengthM h3EdgeLengthKm
? 1-2: h3ToParent h3ToChildren h3kRing h3HexRing h3Line h3Distance h3IndexesAreNeighbors h3GetUnidirectionalEdge
? 1-2: h3CellAreaM2 h3CellAreaRads2 h3ToCenterChild h3ExactEdgeLengthM h3ExactEdgeLengthKm h3ExactEdgeLengthRads
? 0-1: h3NumHexagons h3GetRes0Indexes h3GetPentagonIndexes
? 1-1: h3IsValid h3GetResolution h3IsResClassIII h3IsPentagon h3GetFaces stringToH3 h3UnidirectionalEdgeIsValid
? 1-1: h3GetOriginIndexFromUnidirectionalEdge h3GetDestinationIndexFromUnidirectionalEdge
? 1-1: h3GetIndexesFromUnidirectionalEdge h3GetUnidirectionalEdgeBoundary h3GetUnidirectionalEdgesFromHexagon
? 4-4: h3PointDistM h3PointDistKm h3PointDistRads
integer 0-0: rowNumberInBlock rowNumberInAllBlocks
? 1-2: throwIf
boolean 1-*: indexHint
"""

_ZONED = """
datetime 1-2: fromUnixTimestamp64Milli UUIDv7ToDateTime
"""
"""As :data:`_PLAIN`, with the project's time zone as the last argument where it is not given."""

_ANY_CASE = """
count min max sum avg if not concat coalesce lower upper replace substring position extract length reverse round floor
ceil abs now least greatest trim ltrim rtrim isnull ifnull nullif date_trunc date_diff date_add today exp ln log log2
log10 sin cos tan asin acos atan degrees radians factorial pow power sqrt sign trunc max2 min2 any row_number rank
dense_rank first_value last_value nth_value lag lead toString toDate toDateTime toUUID toInt toFloat and or xor left
right repeat substr ascii btrim
"""

_BARE_CONVERSIONS = (
    *(f"to{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)),
    "toFloat32", "toFloat64", "toDate",
)  # fmt: skip

_NO_DICTIONARY = "its dictionary is PostHog's own"
_NEEDS_PROJECT = "the embedded project does not have this yet"
_FUNNELS = "it is a program of PostHog's own; use windowFunnel(seconds)(toDateTime(timestamp), step, ...)"
_REFUSED = {
    "uniqTheta": "the engine has no such function; use uniqExact",
    "extractIPv4Substrings": "the engine has no such function; use extractAll with a pattern",
    "percentile_cont": "PostHog refuses WITHIN GROUP on ClickHouse; use quantile(p)(x)",
    "percentile_disc": "PostHog refuses WITHIN GROUP on ClickHouse; use quantileExact(p)(x)",
    "languageCodeToName": _NO_DICTIONARY,
    "convertCurrency": _NO_DICTIONARY,
    "lookupDomainType": _NO_DICTIONARY,
    "lookupPaidSourceType": _NO_DICTIONARY,
    "lookupPaidMediumType": _NO_DICTIONARY,
    "lookupOrganicSourceType": _NO_DICTIONARY,
    "lookupOrganicMediumType": _NO_DICTIONARY,
    "untuple": "how many columns it gives is not known before it runs; name the elements: t.1, t.2",
    **{f"aggregate_funnel{of}{over}": _FUNNELS for of in ("", "_array", "_cohort") for over in ("", "_trends")},
    "embedText": "its model runs at PostHog",
    "jev": "its model runs at PostHog",
    "decide": "its model runs at PostHog",
    "getSurveyResponse": _NEEDS_PROJECT,
    "uniqueSurveySubmissionsFilter": _NEEDS_PROJECT,
}

_REWRITTEN: dict[str, Function] = {
    # Conversions
    "toInt": Function("", 1, 1, rewrite=rw.cast_or_null("Int64", INTEGER)),
    "toFloat": Function("", 1, 1, rewrite=rw.cast_or_null("Float64", FLOAT)),
    **{
        f"to{name}": Function("", 1, 1, rewrite=rw.cast_or_null(name, FLOAT if "Float" in name else INTEGER))
        for name in sorted(rw.CAST_TYPES)
        if name.rstrip("0123456789") in ("Int", "UInt", "Float")
    },
    **{
        f"to{name}{form}": Function(f"to{name}{form}", 1, 1, returns=type_.or_null(form == "OrNull"))
        for name, type_ in (("Int64", INTEGER), ("UInt64", INTEGER), ("Float64", FLOAT), ("Float32", FLOAT))
        for form in ("OrNull", "OrZero")
    },
    "toIntOrZero": Function("toInt64OrZero", 1, 1, returns=INTEGER),
    "toIntOrNull": Function("toInt64OrNull", 1, 1, returns=INTEGER.or_null()),
    "toFloatOrZero": Function("toFloat64OrZero", 1, 1, returns=FLOAT),
    "toFloatOrNull": Function("toFloat64OrNull", 1, 1, returns=FLOAT.or_null()),
    "toFloatOrDefault": Function("", 1, 2, rewrite=rw.to_float_or_default),
    "toDecimal": Function("", 2, 2, rewrite=rw.to_decimal),
    "toUUID": Function("", 1, 1, rewrite=rw.cast_or_null("UUID", UUID)),
    "toString": Function("toString", 1, 2, returns=STRING),
    "toNullableString": Function("", 1, 1, rewrite=rw.cast_or_null("Nullable(String)", STRING)),
    "accurateCast": Function("", 2, 2, rewrite=rw.checked_cast),
    "accurateCastOrNull": Function("", 2, 2, rewrite=rw.checked_cast),
    # Times
    "toDate": Function("", 1, 1, rewrite=tm.to_date),
    "to_date": Function("", 1, 1, rewrite=tm.to_date),
    "toDateTime": Function("", 1, 2, rewrite=tm.to_date_time),
    "toDateTime64": Function("", 1, 3, rewrite=tm.to_date_time64),
    "toDateTimeUS": Function("", 1, 2, rewrite=tm.parse_best_effort("parseDateTime64BestEffortUSOrNull")),
    "parseDateTime": Function("parseDateTimeOrNull", 2, 3, returns=DATETIME.or_null(), zone=True),
    "parseDateTimeBestEffort": Function("", 1, 2, rewrite=tm.parse_best_effort("parseDateTime64BestEffortOrNull")),
    "parseDateTime64BestEffort": Function("", 1, 2, rewrite=tm.parse_best_effort("parseDateTime64BestEffortOrNull")),
    "parseDateTimeBestEffortOrNull": Function(
        "", 1, 2, rewrite=tm.parse_best_effort("parseDateTime64BestEffortOrNull")
    ),
    "parseDateTime64BestEffortOrNull": Function(
        "", 1, 2, rewrite=tm.parse_best_effort("parseDateTime64BestEffortOrNull")
    ),
    "fromUnixTimestamp": Function("", 1, 3, rewrite=tm.from_unix_timestamp),
    "to_timestamp": Function("", 1, 1, rewrite=tm.to_timestamp),
    "to_char": Function("formatDateTime", 2, 3, returns=STRING, zone=True),
    "formatDateTime": Function("formatDateTime", 2, 3, returns=STRING, zone=True),
    "now": Function("", 0, 1, rewrite=tm.now),
    "nowInBlock": Function("", 0, 1, rewrite=tm.now),
    "current_timestamp": Function("", 0, 0, rewrite=tm.now),
    "today": Function("", 0, 0, rewrite=tm.today(0)),
    "current_date": Function("", 0, 0, rewrite=tm.today(0)),
    "yesterday": Function("", 0, 0, rewrite=tm.today(1)),
    "toStartOfWeek": Function("", 1, 2, rewrite=tm.to_start_of_week),
    "toTimeZone": Function("", 1, 2, rewrite=tm.to_time_zone),
    "timezone": Function("", 2, 2, rewrite=tm.time_zone),
    "dateTrunc": Function("", 2, 3, rewrite=tm.date_trunc),
    "date_trunc": Function("", 2, 3, rewrite=tm.date_trunc),
    "date_part": Function("", 2, 2, rewrite=tm.date_part),
    "date_bin": Function("", 3, 3, rewrite=tm.date_bin),
    "make_date": Function("makeDate", 3, 3, returns=DATE),
    "make_timestamp": Function("", 6, 7, rewrite=tm.make_timestamp),
    "make_timestamptz": Function("", 7, 7, rewrite=tm.make_timestamptz),
    "make_interval": Function("", 6, 6, rewrite=tm.make_interval),
    **{name: Function("", 2, 3, rewrite=tm.add_interval("plus")) for name in ("date_add", "dateAdd", "timeStampAdd")},
    **{
        name: Function("", 2, 3, rewrite=tm.add_interval("minus"))
        for name in ("date_sub", "dateSub", "timeStampSub", "date_subtract")
    },
    "toModifiedJulianDay": Function("toModifiedJulianDayOrNull", 1, 1, returns=INTEGER.or_null()),
    "fromModifiedJulianDay": Function("fromModifiedJulianDayOrNull", 1, 1, returns=STRING.or_null()),
    **{
        name: Function("", 2, 4, rewrite=tm.first_as_utc)
        for name in ("tumble", "tumbleStart", "tumbleEnd", "hop", "hopStart", "hopEnd")
    },
    # Text
    "concat": Function("", 1, None, rewrite=rw.concat),
    "substr": Function("substring", 2, 3, returns=STRING),
    "left": Function("leftUTF8", 2, 2, returns=STRING),
    "right": Function("rightUTF8", 2, 2, returns=STRING),
    "trim": Function("trimBoth", 1, 2, returns=STRING),
    "btrim": Function("trimBoth", 1, 2, returns=STRING),
    "trimLeft": Function("trimLeft", 1, 2, returns=STRING),
    "ltrim": Function("trimLeft", 1, 2, returns=STRING),
    "trimRight": Function("trimRight", 1, 2, returns=STRING),
    "rtrim": Function("trimRight", 1, 2, returns=STRING),
    "split_part": Function("", 3, 3, rewrite=rw.split_part),
    "md5": Function("", 1, 1, rewrite=rw.md5),
    "replace": Function("replaceAll", 3, 3, returns=STRING),
    "isIPAddressInRange": Function("", 2, 2, rewrite=rw.ip_in_range),
    "sortableSemVer": Function("", 1, 1, rewrite=rw.sortable_version),
    # Choice and NULL
    "if": Function("", 3, 3, rewrite=rw.conditional),
    "multiIf": Function("", 3, None, rewrite=rw.conditional),
    "_caseWithExpression": Function("", 3, None, rewrite=rw.case_with_expression),
    "coalesce": Function("", 1, None, rewrite=rw.first_not_null("coalesce")),
    "ifNull": Function("", 2, 2, rewrite=rw.first_not_null("ifNull")),
    "ifnull": Function("", 2, 2, rewrite=rw.first_not_null("ifNull")),
    "nullIf": Function("", 2, 2, rewrite=rw.nullable_first("nullIf")),
    "nullif": Function("", 2, 2, rewrite=rw.nullable_first("nullIf")),
    "toNullable": Function("", 1, 1, rewrite=rw.nullable_first("toNullable")),
    "assumeNotNull": Function("", 1, 1, rewrite=rw.assume_not_null),
    "isNull": Function("", 1, 1, rewrite=rw.null_test("isNull")),
    "isnull": Function("", 1, 1, rewrite=rw.null_test("isNull")),
    "isNotNull": Function("", 1, 1, rewrite=rw.null_test("isNotNull")),
    # Of the project: what the resolver puts in their place depends on more than their arguments
    "matchesAction": Function("", 1, 1, returns=BOOLEAN),
    # Arrays, tuples and pictures
    "tuple": Function("", 0, None, rewrite=rw.tuple_of),
    "arrayReduce": Function("", 2, None, rewrite=rw.array_reduce),
    # PostHog sorts upwards under this name too.
    "arrayReverseSort": Function("arraySort", 1, None, returns=Type(Kind.ARRAY)),
    "isEmpty": Function("empty", 1, 1, returns=BOOLEAN),
    "isNotEmpty": Function("notEmpty", 1, 1, returns=BOOLEAN),
    "generateSeries": Function("generate_series", refusal="it is a table: SELECT * FROM generate_series(1, 10)"),
    "generate_series": Function("generate_series", refusal="it is a table: SELECT * FROM generate_series(1, 10)"),
    "sparkline": Function("", 1, 1, rewrite=rw.sparkline),
    "recordingButton": Function("", 1, 2, rewrite=rw.recording_button),
    "recording_button": Function("", 1, 2, rewrite=rw.recording_button),
}


def _lines(table: str, *, zone: bool = False) -> Iterator[tuple[str, Function]]:
    for line in table.strip().splitlines():
        head, names = line.split(":")
        type_name, arity = head.split()
        fewest, most = arity.split("-")
        for name in names.split():
            yield (
                name,
                Function(
                    name,
                    int(fewest),
                    None if most == "*" else int(most),
                    returns=_TYPES[type_name],
                    first_type=type_name == "=",
                    zone=zone,
                ),
            )


FUNCTIONS: Mapping[str, Function] = {
    **dict(_lines(_PLAIN)),
    **dict(_lines(_ZONED, zone=True)),
    **_REWRITTEN,
    **{f"_{name}": Function(name, 1, 1, returns=UNKNOWN) for name in _BARE_CONVERSIONS},
    **{name: Function("", refusal=reason) for name, reason in _REFUSED.items()},
    **AGGREGATES,
    **WINDOW_FUNCTIONS,
}
"""Every function by its HogQL name."""

ANY_CASE: Mapping[str, str] = {name.lower(): name for name in _ANY_CASE.split() if name in FUNCTIONS}
"""Names that may be written in any case, in lower case, to their entry."""
