"""Cases about the place: the function, the block, the neighbours, and whether a line stands there already."""
# ruff: noqa: E101

from backport.adapt.signals import Signal
from tests.support.check_cases import Case

CASES = (
    Case("applied_twice", "the change behind its place here", """
 int stop(struct unit *u)
 {
 	prepare(u);
+	if (room_of(u->queue) < packet_len)
+		return 0;
 	send(u);
 	return 1;
 }
""", """
 int stop(struct unit *u)
 {
+	if (room_of(u->queue) < packet_len)
+		return 0;
 	if (room_of(u->queue) < packet_len)
 		return 0;
 	send(u);
 	return 1;
 }
""", Signal.TWICE, "stop() has all that upstream adds to it already"),
    Case("applied_twice", "a statement beside itself", """
 int stop(struct unit *u)
 {
 	prepare(u);
+	init(u);
 	send(u);
 	return 1;
 }
""", """
 int stop(struct unit *u)
 {
+	init(u);
+
 	init(u);
 	return 1;
 }
""", Signal.TWICE, "`init(u);` would stand beside itself"),
    Case("applied_twice", "a statement beside itself, in this tree's words", """
 int stop(struct unit *u)
 {
 	free(ctx->user);
+	free(ctx->name);
 	free(ctx);
 }
""", """
 int stop(struct unit *u)
 {
 	free(vol->user);
+	free(vol->name);
 	free(vol->name);
 	free(vol);
 }
""", Signal.TWICE, "`free(vol->name);` would stand beside itself"),
    Case("applied_twice", "a condition asked twice", """
 int stop(struct unit *u)
 {
-	if (has(u) && ready(u)) {
+	if (has(u) &&
+	    unit_is_set(u->state) && ready(u)) {
 		send(u);
 	}
 }
""", """
 int stop(struct unit *u)
 {
 	if (inline_one &&
+	    unit_is_set(u->state) &&
 	    unit_is_set(u->state)) {
 		send(u);
 	}
 }
""", Signal.TWICE, "`unit_is_set(u->state) &&` would stand beside itself"),
    Case("applied_twice", "two lines that would change places", """
 int stop(struct unit *u)
 {
 	struct unit *a;
-	int b;
+	int b, c;
 	return 1;
 }
""", """
 int stop(struct unit *u)
 {
-	struct unit *a;
 	int b, c;
+	struct unit *a;
 	return 1;
 }
""", Signal.TWICE, "the lines that upstream adds are here: they would only change places"),
    Case("applied_twice", "one of the added statements is new here", """
 int stop(struct unit *u)
 {
 	prepare(u);
+	if (room_of(u->queue) < packet_len)
+		drop(u);
 	return 1;
 }
""", """
 int stop(struct unit *u)
 {
 	if (room_of(u->queue) < packet_len)
 		wait(u);
+	if (room_of(u->queue) < packet_len)
+		drop(u);
 	return 1;
 }
"""),
    Case("syntax", "a block that is never closed", """
 int stop(struct unit *u)
 {
+	if (u->ready)
+		clear(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
+	if (u->ready) {
+		clear(u);
 	return 0;
 }
""", Signal.SYNTAX, "stop() no longer parses"),
    Case("syntax", "an entry behind one that ends without a comma", """
 static const int table[] = {
 	FIRST,
 	SECOND,
+	THIRD,
 };
""", """
 static const int table[] = {
 	FIRST,
 	SECOND
+	THIRD,
 };
""", Signal.SYNTAX, "the entry above the added ones ends without a comma"),
    Case("syntax", "a macro that the grammar does not read, on both sides", """
 int stop(struct unit *u)
 {
 	list_each(a, u) {
+		clear(a);
 	}
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	list_each(a, u, b) {
+		clear(a);
 	}
 	return 1;
 }
"""),
    Case("placement", "a function with few of upstream's lines", """
 int stop(struct unit *u)
 {
 	first_thing(u);
 	second_thing(u);
+	clear(u);
 	third_thing(u);
 	return 0;
 }
""", """
 int begin(struct unit *u)
 {
 	other_thing(u);
 	more_things(u);
 	second_thing(u);
+	clear(u);
 	last_thing(u);
 	return 0;
 }
""", Signal.STRANGER, "lands in begin(); upstream changed stop()"),
    Case("placement", "a function that only has another name", """
 int stop(struct unit *u)
 {
 	first_thing(u);
 	second_thing(u);
+	clear(u);
 	third_thing(u);
 	return 0;
 }
""", """
 int halt(struct unit *u)
 {
 	first_thing(u);
 	second_thing(u);
+	clear(u);
 	third_thing(u);
 	return 0;
 }
""", Signal.RENAMED, "lands in halt(); upstream changed stop()"),
    Case("placement", "the function that upstream changed", """
 int stop(struct unit *u)
 {
 	first_thing(u);
+	clear(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	other_thing(u);
+	clear(u);
 	return 1;
 }
"""),
    Case("missed_site", "one more place of the kind that upstream changed everywhere", """
 int stop(struct unit *u)
 {
-	old_clear(u);
+	clear(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
-	old_clear(u);
+	clear(u);
 	halt(u);
 	old_clear(u);
 	return 0;
 }
""", Signal.REMAINS, "stop() has `old_clear(u);` in one more place"),
    Case("missed_site", "upstream leaves one as well", """
 int stop(struct unit *u)
 {
-	old_clear(u);
+	clear(u);
 	old_clear(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
-	old_clear(u);
+	clear(u);
 	halt(u);
 	old_clear(u);
 	return 0;
 }
"""),
    Case("duplicate_line", "the added line stands two lines below", """
 int stop(struct unit *u)
 {
 	start(u);
+	clear_all(u);
 	halt(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	start(u);
+	clear_all(u);
 	halt(u);
 	clear_all(u);
 	return 0;
 }
""", Signal.DUPLICATE, "`clear_all(u);` is near its place in this tree already"),
    Case("duplicate_line", "upstream has it twice", """
 int stop(struct unit *u)
 {
 	start(u);
+	clear_all(u);
 	halt(u);
 	clear_all(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	start(u);
+	clear_all(u);
 	halt(u, 1);
 	clear_all(u);
 	return 0;
 }
"""),
    Case("unbraced_body", "what goes is all that an `if` rules", """
 int stop(struct unit *u)
 {
 	start(u);
-	clear(u);
 	halt(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	if (u->ready)
-		clear(u);
 	halt(u);
 	return 0;
 }
""", Signal.STATEMENT, "`halt(u);` would move into"),
    Case("unbraced_body", "what comes stands between an `if` and its statement", """
 int stop(struct unit *u)
 {
 	start(u);
+	clear(u);
 	halt(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	if (u->ready)
+	clear(u);
 	halt(u);
 	return 0;
 }
""", Signal.STATEMENT, "`halt(u);` would move into or out of"),
    Case("unbraced_body", "the `if` has braces", """
 int stop(struct unit *u)
 {
 	start(u);
-	clear(u);
 	halt(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	if (u->ready) {
-		clear(u);
 	halt(u);
 	}
 	return 0;
 }
"""),
    Case("moved_line", "the line that is only moved reads differently here", """
 int stop(struct unit *u)
 {
-	clear(u, 1);
 	halt(u);
 	start(u);
+	clear(u, 1);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
-	clear(u, 2);
 	halt(u);
 	start(u);
+	clear(u, 1);
 	return 0;
 }
""", Signal.REWORDED, "`clear(u, 1);` only moves upstream"),
    Case("moved_line", "this tree's own line moves", """
 int stop(struct unit *u)
 {
-	clear(u, 1);
 	halt(u);
 	start(u);
+	clear(u, 1);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
-	clear(u, 1);
 	halt(u, 2);
 	start(u);
+	clear(u, 1);
 	return 0;
 }
"""),
    Case("nesting", "a line of this tree comes to stand in a block", """
 int stop(struct unit *u)
 {
+	start(u);
 	clear(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
+	if (u->ready) {
 	clear(u);
+	}
 	return 0;
 }
""", Signal.NESTED, "`clear(u);` would move to another block of stop()"),
    Case("nesting", "an added line is deeper than upstream's", """
 int stop(struct unit *u)
 {
 	halt(u);
+	clear(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	while (u->count) {
 		halt(u);
+	clear(u);
 	}
 	return 0;
 }
""", Signal.DEPTH, "`clear(u);` is 1 blocks deep in this tree, upstream's 0"),
    Case("nesting", "the block is there on both sides", """
 int stop(struct unit *u)
 {
 	if (u) {
+		start(u);
 		clear(u);
 	}
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	if (u->ready) {
+		start(u);
 		clear(u);
 	}
 	return 0;
 }
"""),
    Case("neighbours", "the neighbours have changed places", """
 int stop(struct unit *u)
 {
 	setup_unit(u);
+	clear(u);
 	register_unit(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	register_unit(u);
+	clear(u);
 	setup_unit(u);
 	return 0;
 }
""", Signal.BESIDE, "in this tree"),
    Case("neighbours", "a further line between them", """
 int stop(struct unit *u)
 {
 	setup_unit(u);
+	clear(u);
 	register_unit(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	setup_unit(u);
 	more(u);
+	clear(u);
 	register_unit(u);
 	return 0;
 }
"""),
    Case("removed_line", "the line that goes is one that upstream leaves alone", """
 int stop(struct unit *u)
 {
 	first(u);
 	goto_out(u);
 	second(u);
-	goto_out(u);
+	clear(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	first(u);
-	goto_out(u);
+	clear(u);
 	second(u);
 	return 0;
 }
""", Signal.KEPT, "`goto_out(u);` at line 4 is the one at line 4 of upstream's file"),
    Case("removed_line", "the line that goes is upstream's", """
 int stop(struct unit *u)
 {
 	first(u);
 	goto_out(u);
 	second(u);
-	goto_out(u);
+	clear(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	first(u);
 	goto_out(u);
 	second(u);
-	goto_out(u);
+	clear(u);
 	return 1;
 }
"""),
)
