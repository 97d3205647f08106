"""What an answer has to assume and what speaks against it: every kind of finding, in one table.

Each kind has a legend, which a reviewer reads as it stands, and a severity, which decides what becomes of the answer.
Nothing else sorts findings: a second list of names forgets those that are added to the first.
"""

from __future__ import annotations

from enum import StrEnum


class Severity(StrEnum):
    """What a finding does to an answer."""

    FATAL = "fatal"                  # too likely wrong: the hunk is repaired, or declined
    REVIEW = "review"                # a person reads it first
    HARMLESS = "harmless"            # worth reading, and no reason to doubt the answer


FATAL, REVIEW, HARMLESS = Severity.FATAL, Severity.REVIEW, Severity.HARMLESS


class Signal(StrEnum):
    """A kind of finding. The value is its legend; `named` is True where each finding comes with a sentence of its own
    that names the line, the function or the file, so that the legend need not be told as well."""

    severity: Severity
    named: bool

    def __new__(cls, legend: str, severity: Severity = REVIEW, named: bool = False) -> Signal:
        kind = str.__new__(cls, legend)
        kind._value_ = legend
        kind.severity = severity
        kind.named = named
        return kind

    @property
    def id(self) -> str:
        """The name in reports and replays: "other-file"."""
        return self.name.lower().replace("_", "-")

    # where the change goes, and what had to be assumed to put it there
    NEIGHBOUR = "a neighbouring line differs in this tree", HARMLESS, True
    SPLIT = "the lines above and below upstream's change are not adjacent in this tree; a place between them was chosen"
    BENT = "a changed line reads differently in this tree and was merged by tokens", HARMLESS
    TOUCHING = "upstream's change and this tree's difference meet in one place"
    EXTRA = "this tree has further lines among the removed ones", FATAL
    FLOATING = "none of the lines next to the change is in this tree unchanged"
    AMBIGUOUS = "more than one place fits"
    DISAGREE = "independent strategies give different answers"
    PARTLY = "part of the change is in this tree already; only the rest was made"
    PRESENT = "part of the change is in this tree already", FATAL
    REORDERED = "the removed lines are in another order in this tree"
    NESTING = "a removed line is at another depth in this tree"
    MIXED = "ambiguous merge: upstream's change and this tree's difference meet in the same words", FATAL
    SWALLOWED = "words that only this tree has were in the text that upstream replaces, and are gone with it"
    OPERATORS = "upstream's operators and this tree's meet in one expression: check the precedence"
    LOOSE = "found by aligning files, not by the hunk's own lines"
    DROPPED = "a part was left out, because the code that it changes is not in this tree"
    FUNCTION = "lands in another function, table or section than upstream changed", FATAL
    RENAMED = "lands in a function of another name that has most of the lines of upstream's", HARMLESS, True
    STRANGER = "lands in a function of another name that has few of the lines of upstream's", REVIEW, True
    RETITLED = "lands in a section of another name that has most of the lines of upstream's", REVIEW, True
    OTHER_FILE = "lands in another file than upstream changed", REVIEW, True
    INSIDE = "an added line is inside another struct, union or entry than upstream's", FATAL, True
    ENTRY = "an added table entry is inside, or next to, another entry than upstream's", REVIEW, True
    BESIDE = "a neighbour of an added line is on its other side in this tree", REVIEW, True
    # what is in the middle of the change
    ELSEWHERE = "the lines to remove are not where upstream has them, but elsewhere in this tree's function"
    INTERIOR = "a line that upstream keeps in the middle of the change is not there in this tree"
    MOVED = "a line that upstream keeps in the middle of the change is elsewhere in this tree's function", FATAL
    INCLUDE = "an #include is removed that this tree's file may still need"
    # what goes
    KEPT = "a removed line is not the one that upstream removes", FATAL, True
    REWORDED = "a line that upstream only moves reads differently in this tree", FATAL, True
    REMAINS = "this tree's function has another line like the one that upstream removes", REVIEW, True
    NEVER = "the patch removes a name that this tree's file never had", HARMLESS, True
    # names
    SYMBOL = "an added line uses a name that is not in this tree", FATAL, True
    SCOPE = "an added line uses a name that its function does not have in this tree", FATAL, True
    NO_LABEL = "an added goto names a label that its function does not have in this tree", FATAL, True
    MEMBER = "an added line uses a member that is not in this tree's file", REVIEW, True
    REDECLARED = "a name is declared twice", FATAL, True
    UNDECLARED = "a declaration is removed, and this tree still uses the name", FATAL, True
    UNUSED = "a declared name is never used", FATAL, True
    BOUND = "a name refers to another variable than upstream's", FATAL, True
    SHADOW = "an added variable hides one of this tree's file", HARMLESS, True
    SPELLED = "an added line keeps a name that this tree spells differently in the removed lines", FATAL, True
    COMMENT = "an added comment mentions a name that is not in this tree", REVIEW, True
    ABOUT = "an added comment describes a line that is not in this tree", FATAL, True
    # types, values and arguments
    ARITY = "an added call has another number of arguments than this tree's calls", FATAL, True
    DOUBLED = "a merged call has the same argument twice", FATAL, True
    SIGNATURE = "a function that an added line calls has other parameters in this tree", REVIEW, True
    RETURNED = "an added return gives another kind of value than this tree's function", FATAL, True
    TYPED = "a variable of an added line has another type in this tree", REVIEW, True
    VALUE = "an added constant has a value that means something else in this tree", REVIEW, True
    NO_VALUE = "an added line uses a variable that was never set", FATAL, True
    UNSET = "a variable is used before the added check of it", REVIEW, True
    VARIANT = "this tree uses another variant of the call for the same thing", REVIEW, True
    # the way through a function
    SYNTAX = "the changed code no longer parses", FATAL, True
    STATEMENT = "an added line begins or ends in the middle of a statement of this tree", FATAL, True
    ORDER = "a declaration comes after a statement", FATAL, True
    CONDITION = "an added line runs under another condition than upstream's", REVIEW, True
    OPPOSITE = "an added line runs under the opposite condition", FATAL, True
    GUARD = "the condition around an added line reads differently in this tree", HARMLESS, True
    NESTED = "a line of this tree would move to another block", FATAL, True
    DEPTH = "an added line is at another block depth than upstream's", REVIEW, True
    REINDENTED = "added lines were indented to the depth of their block in this tree"
    UNREACHED = "a statement is unreachable", FATAL, True
    FALLING = "control falls through to an added label or statement on one side only", REVIEW, True
    LABEL = "nothing jumps to an added label", REVIEW, True
    LEAVING = "an added jump or return leaves with another cleanup or value than upstream's", REVIEW, True
    RELEASE = "an added line releases what upstream's function released before, and this tree's not", HARMLESS, True
    REFERENCE = "an added jump leaves a loop with the reference that upstream's loop drops by itself", REVIEW, True
    FREED = "what an added line releases is used or released again in this tree", REVIEW, True
    BALANCE = "locks without unlocking, or unlocks without locking", FATAL, True
    HELD = "an added line runs under other locks than upstream's", REVIEW, True
    DUPLICATE = "an added line is near its place in this tree already", REVIEW, True
    TWICE = "this tree's function already has everything that upstream adds to it", FATAL, True
    # the preprocessor and the text
    HALF = "an added line is in the other branch of an #if", FATAL, True
    PREPROCESSOR = "an added line is under another #if than upstream's", HARMLESS, True
    COMMENTED = "an added line is inside a comment on one side only", FATAL, True
    LINE_ENDS = "the added lines have the line ends of this tree's file", HARMLESS, True
    MIXED_ENDS = "it is unknown which line ends the added lines should have", REVIEW, True
    UNREAD = "a line of the result is too long to be checked", REVIEW, True
    # what a repair did
    SUBSTITUTED = "an added line was rewritten with what this tree has"
