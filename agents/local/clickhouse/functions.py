"""Which of the engine's functions a read-only user may call: whole groups of harmless ones, and some others by name.

A function that is in none of these is denied, so one that a later engine brings along is denied until it was looked at.
"""

import orjson

from agents.local.clickhouse.engine import Session

# As `system.functions` groups them. Left out: AI, Dictionary, Embedded Dictionary, Introspection, Machine Learning and
# Internal, which call other machines, read what was never published, or tell of this one.
_GROUPS = frozenset(
    [
        "Arithmetic",
        "Arrays",
        "Bit",
        "Bitmap",
        "Comparison",
        "Conditional",
        "Dates and Times",
        "Distance",
        "Encoding",
        "Financial",
        "Geo",
        "Geo Polygon",
        "Hash",
        "IP Address",
        "JSON",
        "Logical",
        "Map",
        "Mathematical",
        "Null",
        "NumericIndexedVector",
        "QBit",
        "Random Number",
        "Rounding",
        "String",
        "String Replacement",
        "String Search",
        "String Splitting",
        "Time Window",
        "Tuple",
        "Type Conversion",
        "URL",
        "UUID",
    ]
)
# Of the group Other. Left out are those that tell of machine and server, and those that tell how many rows stood in a
# block before a view left some out: blockSize, rowNumberInBlock, runningDifference and their like.
_OTHERS = """
    authenticatedUser bar byteSize colorOKLABToSRGB colorOKLCHToSRGB colorSRGBToOKLAB colorSRGBToOKLCH countDigits
    currentDatabase currentProfiles currentQueryID currentRoles currentSchemas currentUser defaultRoles
    defaultValueOfArgumentType defaultValueOfTypeName digits dumpColumnStructure enabledProfiles enabledRoles
    errorCodeToName finalizeAggregation flipCoordinates formatQuery formatQueryOrNull formatQuerySingleLine
    formatQuerySingleLineOrNull formatReadableDecimalSize formatReadableQuantity formatReadableSize
    formatReadableTimeDelta generateRandomStructure getSetting getSettingOrDefault getSizeOfEnumType getSubcolumn
    highlightQuery identity ignore indexHint initialQueryID initializeAggregation isConstant isDecimalOverflow
    lowCardinalityIndices lowCardinalityKeys MACNumToString MACStringToNum MACStringToOUI materialize
    minSampleSizeContinuous minSampleSizeConversion normalizeQuery normalizeQueryKeepNames normalizedQueryHash
    normalizedQueryHashKeepNames parseISO8601Duration parseReadableSize parseReadableSizeOrNull parseReadableSizeOrZero
    parseTimeDelta queryID revision seriesDecomposeSTL seriesOutliersDetectTukey structureToCapnProtoSchema
    structureToProtobufSchema throwIf toColumnTypeName toTypeName tokenizeQuery transform variantElement variantType
    version visibleWidth _CAST
"""
# Names that are none of the engine's functions in this version, or of a group above, and are denied all the same.
_NEVER = frozenset({"file", "eval", "catboostevaluate", "sleep", "sleepeachrow"})

_FUNCTIONS = "SELECT name, alias_to, categories FROM system.functions WHERE NOT is_aggregate FORMAT JSONCompact"
_TABLE_FUNCTIONS = "SELECT name FROM system.table_functions FORMAT JSONCompact"


def denied_functions(session: Session) -> frozenset[str]:
    """Return the names of scalar functions that a reader may not call, in lower case."""
    rows: list[tuple[str, str, str]] = orjson.loads(session.query(_FUNCTIONS).body)["data"]
    groups = {name: group for name, _, group in rows}
    return _NEVER | {
        name.lower() for name, alias, _ in rows if not _is_harmless(alias or name, groups.get(alias or name, ""))
    }


def _is_harmless(name: str, group: str) -> bool:
    return group in _GROUPS or name in _OTHERS.split()


def table_function_names(session: Session) -> frozenset[str]:
    """Return the names of all table functions, in lower case."""
    return frozenset(name.lower() for (name,) in orjson.loads(session.query(_TABLE_FUNCTIONS).body)["data"])
