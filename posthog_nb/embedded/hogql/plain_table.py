"""The functions that ClickHouse has under the same name, as data.

A line of :data:`_PLAIN` is ``<type> <fewest>-<most arguments>: names``, under its topic. ``*`` means any number, ``?``
an unknown type, ``=`` the type of the first argument, and ``zone`` in front a function that gets the project's time
zone as its last argument where that is not given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from posthog_nb.embedded.hogql.functions import Function
from posthog_nb.embedded.hogql.types import BOOLEAN, DATE, DATETIME, FLOAT, INTEGER, INTERVAL, STRING, UUID, Kind, Type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["PLAIN_FUNCTIONS"]

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
# Arithmetic
? 2-2: plus minus multiply divide modulo moduloOrZero positiveModulo max2 min2 least greatest
? 2-3: divideDecimal multiplyDecimal
? 1-1: negate
= 1-1: abs roundToExp2 roundDuration roundAge
= 1-2: floor ceil round roundBankers trunc
= 2-2: roundDown
integer 0-0: rand rand64
integer 1-1: sign intExp2 intExp10 factorial
integer 2-2: intDiv intDivOrZero gcd lcm
integer 4-4: width_bucket
float 0-0: e pi
float 1-1: exp log exp2 log2 exp10 log10 log1p ln sqrt cbrt erf erfc lgamma tgamma sin cos tan asin acos atan sinh cosh
float 1-1: asinh acosh atanh degrees radians
float 2-2: pow power atan2 hypot
boolean 1-1: isFinite isInfinite isNaN

# Bits
integer 1-1: bitCount bitmapCardinality
integer 2-2: bitAnd bitOr bitXor bitHammingDistance
integer 2-2: bitmapAndCardinality bitmapOrCardinality bitmapXorCardinality bitmapAndnotCardinality
? 1-1: bitNot bitmapBuild bitmapToArray bitmapMin bitmapMax
? 2-2: bitShiftLeft bitShiftRight bitRotateLeft bitRotateRight bitmapAnd bitmapOr bitmapXor bitmapAndnot
? 3-3: bitSlice bitmapSubsetInRange bitmapSubsetLimit subBitmap bitmapTransform
boolean 2-2: bitTest bitmapContains bitmapHasAny bitmapHasAll
boolean 3-*: bitTestAll bitTestAny

# Choice and NULL
boolean 1-1: not
boolean 1-*: indexHint
boolean 2-*: and or xor
? 1-2: throwIf
? 3-4: transform

# Conversion
string 1-1: hex toTypeName toJSONString dynamicType
string 1-2: unhex toString
integer 1-1: cityHash64
integer 1-1: reinterpretAsInt8 reinterpretAsInt16 reinterpretAsInt32 reinterpretAsInt64 reinterpretAsInt128
integer 1-1: reinterpretAsInt256 reinterpretAsUInt8 reinterpretAsUInt16 reinterpretAsUInt32 reinterpretAsUInt64
integer 1-1: reinterpretAsUInt128 reinterpretAsUInt256
float 1-1: reinterpretAsFloat32 reinterpretAsFloat64
uuid 1-1: reinterpretAsUUID
uuid 2-2: toUUIDOrDefault
? 1-1: MD5 defaultValueOfTypeName

# Time
integer 1-1: toYear toQuarter toMonth toDayOfYear toDayOfMonth toHour toMinute toSecond toISOYear toISOWeek
integer 1-1: toUnixTimestamp64Milli toYYYYMM toYYYYMMDD toYYYYMMDDhhmmss timeZoneOffset
integer 1-2: toUnixTimestamp
integer 1-3: toDayOfWeek toWeek toYearWeek
integer 3-4: dateDiff date_diff age
date 1-1: toStartOfYear toStartOfISOYear toStartOfQuarter toStartOfMonth toMonday toLastDayOfMonth
date 1-2: toLastDayOfWeek
datetime 1-1: toStartOfHour toStartOfMinute toStartOfSecond toStartOfFiveMinutes toStartOfTenMinutes
datetime 1-1: toStartOfFifteenMinutes timeSlot toTime
datetime 1-2: toStartOfDay
zone datetime 1-2: fromUnixTimestamp64Milli UUIDv7ToDateTime
zone string 2-3: formatDateTime
string 1-1: monthName timeZoneOf
string 2-2: dateName
array 2-3: timeSlots
? 2-4: toStartOfInterval
= 2-2: addDays addHours addMinutes addMonths addQuarters addSeconds addWeeks addYears
= 2-2: subtractDays subtractHours subtractMinutes subtractMonths subtractQuarters subtractSeconds subtractWeeks
= 2-2: subtractYears
interval 1-1: toIntervalSecond toIntervalMinute toIntervalHour toIntervalDay toIntervalWeek toIntervalMonth
interval 1-1: toIntervalQuarter toIntervalYear

# Text
boolean 1-1: empty notEmpty isValidUTF8
boolean 2-2: startsWith endsWith
integer 1-1: length lengthUTF8 ascii
string 1-1: lower upper lowerUTF8 upperUTF8 reverse reverseUTF8 initcap toValidUTF8 base58Encode base64Encode
string 1-1: base58Decode base64Decode tryBase58Decode tryBase64Decode encodeXMLComponent decodeXMLComponent
string 1-1: regexpQuoteMeta extractTextFromHTML formatReadableDecimalSize formatReadableSize formatReadableQuantity
string 1-2: formatReadableTimeDelta trimLeft trimRight
string 2-2: repeat appendTrailingCharIfAbsent
string 2-3: substring substringUTF8 leftPad rightPad leftPadUTF8 rightPadUTF8 lpad rpad
string 2-*: concatWithSeparator format
string 3-3: replaceAll replaceOne replaceRegexpAll replaceRegexpOne translate translateUTF8 convertCharset
string 3-4: bar
strings 1-1: tokens
strings 1-2: splitByWhitespace splitByNonAlpha alphaTokens
strings 2-2: ngrams
strings 2-3: splitByChar splitByString splitByRegexp

# Searching in text
boolean 2-2: match hasSubsequence hasSubsequenceCaseInsensitive hasSubsequenceUTF8
boolean 2-2: hasSubsequenceCaseInsensitiveUTF8 hasToken hasTokenCaseInsensitive hasAnyTokens hasAllTokens
? 2-2: hasTokenOrNull hasTokenCaseInsensitiveOrNull
boolean 2-2: multiSearchAny multiSearchAnyCaseInsensitive multiSearchAnyUTF8 multiSearchAnyCaseInsensitiveUTF8
boolean 2-2: multiMatchAny
boolean 3-3: multiFuzzyMatchAny
integer 2-2: countMatches countMatchesCaseInsensitive
integer 2-3: position locate positionCaseInsensitive positionUTF8 positionCaseInsensitiveUTF8 countSubstrings
integer 2-3: countSubstringsCaseInsensitive countSubstringsCaseInsensitiveUTF8
? 2-2: multiMatchAnyIndex multiMatchAllIndices extractAllGroups extractAllGroupsHorizontal extractAllGroupsVertical
? 2-2: multiSearchAllPositions multiSearchAllPositionsCaseInsensitive multiSearchAllPositionsUTF8 extractGroups
? 2-2: multiSearchAllPositionsCaseInsensitiveUTF8 multiSearchFirstPosition multiSearchFirstPositionCaseInsensitive
? 2-2: multiSearchFirstPositionUTF8 multiSearchFirstPositionCaseInsensitiveUTF8 multiSearchFirstIndex
? 2-2: multiSearchFirstIndexCaseInsensitive multiSearchFirstIndexUTF8 multiSearchFirstIndexCaseInsensitiveUTF8
? 3-3: multiFuzzyMatchAnyIndex multiFuzzyMatchAllIndices
float 2-2: ngramDistance ngramDistanceCaseInsensitive ngramDistanceUTF8 ngramDistanceCaseInsensitiveUTF8 ngramSearch
float 2-2: ngramSearchCaseInsensitive ngramSearchUTF8 ngramSearchCaseInsensitiveUTF8
string 2-2: extract
string 2-3: regexpExtract
strings 2-2: extractAll

# Addresses of pages
string 1-1: protocol domain domainWithoutWWW topLevelDomain firstSignificantSubdomain encodeURLComponent
string 1-1: decodeURLComponent encodeURLFormComponent decodeURLFormComponent cutToFirstSignificantSubdomain
string 1-1: cutToFirstSignificantSubdomainWithWWW path pathFull queryString fragment queryStringAndFragment cutWWW
string 1-1: cutQueryString cutFragment cutQueryStringAndFragment netloc
string 2-2: cutURLParameter extractURLParameter
strings 1-1: extractURLParameters extractURLParameterNames URLHierarchy URLPathHierarchy
integer 1-2: port

# JSON
boolean 1-1: isValidJSON
boolean 1-*: JSONHas JSONExtractBool
? 1-1: JSONArrayLength
integer 1-*: JSONLength JSONExtractUInt JSONExtractInt
float 1-*: JSONExtractFloat
string 1-*: JSONExtractString JSONExtractRaw JSONType
string 2-2: JSON_VALUE
? 2-*: JSONExtract JSONExtractKeysAndValues
strings 1-*: JSONExtractKeys JSONExtractArrayRaw
array 1-*: JSONExtractKeysAndValuesRaw

# Arrays
array 0-*: array
array 1-1: arrayEnumerate arrayPopBack arrayPopFront arrayReverse arrayDistinct arrayFlatten arrayCompact
array 1-3: range
array 1-*: arrayConcat arrayIntersect arrayEnumerateUniq arrayEnumerateDense arrayDifference arrayCumSum
array 1-*: arrayCumSumNonNegative arraySort
array 2-2: arrayPushBack arrayPushFront arrayWithConstant arrayRotateLeft arrayRotateRight
array 2-3: arraySlice arrayResize
array 2-*: arrayMap arrayFilter arrayFill arrayReverseFill arraySplit arrayReverseSplit arrayZip
boolean 1-*: arrayExists arrayAll
boolean 2-2: has hasAll hasAny hasSubstr
float 1-*: arrayAvg
float 2-3: arrayAUC
integer 1-*: arrayCount arrayUniq
integer 2-2: indexOf countEqual
integer 2-*: arrayFirstIndex arrayLastIndex
string 1-2: arrayStringConcat
? 1-1: arrayJoin
? 1-*: arrayMin arrayMax arraySum arrayProduct
? 2-2: arrayElement
? 2-*: arrayFirst arrayLast
? 3-*: arrayFold

# Tuples, maps, vectors
? 2-3: tupleElement
tuple 1-1: tupleNegate L1Normalize L2Normalize LinfNormalize
tuple 2-2: tuplePlus tupleMinus tupleMultiply tupleDivide tupleMultiplyByNumber tupleDivideByNumber LpNormalize
integer 2-2: tupleHammingDistance
array 1-1: tupleToNameValuePairs mapKeys mapValues
float 1-1: L1Norm L2Norm LinfNorm
float 2-2: LpNorm L1Distance L2Distance LinfDistance cosineDistance dotProduct
float 3-3: LpDistance
? 0-*: map
? 1-3: mapPopulateSeries
? 2-2: mapFromArrays mapApply mapFilter mapExtractKeyLike mapUpdate
? 2-*: mapAdd mapSubtract
boolean 2-2: mapContains mapContainsKeyLike

# Places
float 4-4: geoDistance greatCircleDistance greatCircleAngle
boolean 2-*: pointInPolygon
boolean 6-*: pointInEllipses
string 1-1: h3ToString
string 2-3: geohashEncode
? 0-0: h3GetRes0Indexes
? 1-1: geohashDecode h3IsValid h3GetResolution h3GetBaseCell h3IsResClassIII h3IsPentagon h3GetFaces stringToH3 h3ToGeo
? 1-1: h3ToGeoBoundary h3HexAreaM2 h3HexAreaKm2 h3EdgeAngle h3EdgeLengthM h3EdgeLengthKm h3CellAreaM2 h3CellAreaRads2
? 1-1: h3ExactEdgeLengthM h3ExactEdgeLengthKm h3ExactEdgeLengthRads h3NumHexagons h3GetPentagonIndexes
? 1-1: h3UnidirectionalEdgeIsValid h3GetOriginIndexFromUnidirectionalEdge h3GetUnidirectionalEdgesFromHexagon
? 1-1: h3GetDestinationIndexFromUnidirectionalEdge h3GetIndexesFromUnidirectionalEdge h3GetUnidirectionalEdgeBoundary
? 2-2: h3ToParent h3ToChildren h3ToCenterChild h3kRing h3HexRing h3Line h3Distance h3IndexesAreNeighbors
? 2-2: h3GetUnidirectionalEdge
? 3-3: geoToH3
? 4-4: h3PointDistM h3PointDistKm h3PointDistRads
? 5-5: geohashesInBox

# Of the engine
integer 0-0: rowNumberInBlock rowNumberInAllBlocks
"""


def _functions() -> Iterator[tuple[str, Function]]:
    topic = ""
    for line in filter(None, _PLAIN.splitlines()):
        if line.startswith("# "):
            topic = line[2:]
            continue
        head, names = line.split(":")
        *zone, type_name, arity = head.split()
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
                    zone=bool(zone),
                    topic=topic,
                ),
            )


PLAIN_FUNCTIONS: Mapping[str, Function] = dict(_functions())
"""Each by its name."""
