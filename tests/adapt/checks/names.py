"""Cases about names: is each one here, declared once, of the kind that upstream's is, and spelled as here?"""
# ruff: noqa: E101, W293

from backport.adapt.signals import Signal
from tests.support.check_cases import Case

CASES = (
    Case("unknown_symbol", "a name that is nowhere in the tree", """
 int stop(struct unit *u)
 {
+	unit_quiesce(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
+	unit_quiesce(u);
 	return 0;
 }
""", Signal.SYMBOL, "`unit_quiesce` is not in this tree", missing=("unit_quiesce",)),
    Case("unknown_symbol", "neither tree has it: it comes with another part of the patch", """
 int stop(struct unit *u)
 {
+	unit_quiesce(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
+	unit_quiesce(u);
 	return 0;
 }
""", missing=("unit_quiesce",), missing_upstream=("unit_quiesce",)),
    Case("unknown_symbol", "upstream has renamed it since, but the patch's own file had it", """
 int stop(struct unit *u)
 {
 	unit_quiesce(u, 0);
+	unit_quiesce(u, 1);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	halt(u);
+	unit_quiesce(u, 1);
 	return 0;
 }
""", Signal.SYMBOL, "`unit_quiesce` is not in this tree", missing=("unit_quiesce",),
         missing_upstream=("unit_quiesce",)),
    Case("scope", "a variable that the function has upstream only", """
 int stop(struct unit *u)
 {
 	int flags = u->flags;
 
 	halt(u);
+	clear(u, flags);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	halt(u);
+	clear(u, flags);
 	return 0;
 }
""", Signal.SCOPE, "stop() has no `flags` in this tree"),
    Case("scope", "a label that the function has upstream only", """
 int stop(struct unit *u)
 {
+	if (!u->ready)
+		goto out;
 	halt(u);
 out:
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
+	if (!u->ready)
+		goto out;
 	halt(u);
 	return 0;
 }
""", Signal.NO_LABEL, "no label `out`"),
    Case("scope", "a label that the patch adds below a comment that it rewrites in part", """
 int stop(struct unit *u)
 {
+	/* it stops by itself
 	 * when it is ready */
+	if (!u->ready)
+		goto out;
 	halt(u);
+out:
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
+	/* it stops by itself
 	 * when it is ready */
+	if (!u->ready)
+		goto out;
 	halt(u);
+out:
 	return 0;
 }
"""),
    Case("scope", "the variable is declared here, too", """
 int stop(struct unit *u)
 {
 	int flags = u->flags;
 
 	halt(u);
+	clear(u, flags);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	unsigned long flags;
 
 	flags = u->state;
+	clear(u, flags);
 	return 0;
 }
"""),
    Case("unknown_member", "a member that this file does not know", """
 int stop(struct unit *u)
 {
+	u->ready = 0;
 	halt(u);
 	return u->ready;
 }
""", """
 int stop(struct unit *u)
 {
+	u->ready = 0;
 	halt(u);
 	return u->state;
 }
""", Signal.MEMBER, "no member `ready`"),
    Case("unknown_member", "the member is used here as well", """
 int stop(struct unit *u)
 {
+	u->ready = 0;
 	halt(u);
 	return u->ready;
 }
""", """
 int stop(struct unit *u)
 {
+	u->ready = 0;
 	halt(u);
 	return !u->ready;
 }
"""),
    Case("comment_names", "a comment about a function that is nowhere", """
 int stop(struct unit *u)
 {
+	/* unit_quiesce() waits for it */
+	u->state = 0;
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
+	/* unit_quiesce() waits for it */
+	u->state = 0;
 	return 0;
 }
""", Signal.COMMENT, "`unit_quiesce`", missing=("unit_quiesce",)),
    Case("comment_names", "a comment about a function that is in another file", """
 int stop(struct unit *u)
 {
+	/* unit_quiesce() waits for it */
+	u->state = 0;
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
+	/* unit_quiesce() waits for it */
+	u->state = 0;
 	return 0;
 }
"""),
    Case("unknown_removed", "the line that goes names what this file never had", """
 int stop(struct unit *u)
 {
-	halt(u, UNIT_FORCED);
+	halt(u, 0);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
-	halt(u);
+	halt(u, 0);
 	return 0;
 }
""", Signal.NEVER, "`UNIT_FORCED`"),
    Case("unknown_removed", "the name that goes is here", """
 int stop(struct unit *u)
 {
-	halt(u, UNIT_FORCED);
+	halt(u, 0);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
-	halt(u,  UNIT_FORCED);
+	halt(u, 0);
 	return 0;
 }
"""),
    Case("declarations", "a variable that is here under the same name further down", """
 int stop(struct unit *u)
 {
 	int a;
+	long flags;
 
 	flags = halt(u);
 	return a;
 }
""", """
 int stop(struct unit *u)
 {
 	unsigned int flags;
 	int a;
+	long flags;
 
 	flags = halt(u);
 	return a;
 }
""", Signal.REDECLARED, "declares `flags` twice"),
    Case("declarations", "a variable whose declaration is removed while this tree uses it", """
 int stop(struct unit *u)
 {
-	int flags = 0;
 	halt(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
-	int flags = 0;
 	halt(u);
 	return flags;
 }
""", Signal.UNDECLARED, "uses `flags`, whose declaration is removed"),
    Case("declarations", "a declaration after a statement", """
 int stop(struct unit *u)
 {
 	int a = 0;
+	int b = 0;
 
 	return a + b;
 }
""", """
 int stop(struct unit *u)
 {
 	int a = 0;
 
 	halt(u);
+	int b = 0;
 	return a + b;
 }
""", Signal.ORDER, "declares `b` after a statement"),
    Case("declarations", "a variable of its own block", """
 int stop(struct unit *u)
 {
 	int a;
+	long flags;
 
 	flags = halt(u);
 	return a;
 }
""", """
 int stop(struct unit *u)
 {
 	int a;
+	long flags;
 
 	if (u) {
 		int flags = 1;
 
 		start(flags);
 	}
 	flags = halt(u);
 	return a;
 }
"""),
    Case("redefinition", "an entry of Kconfig that the file has", """
 config A
 	bool "a"
 
+config UNIT
+	bool "unit"
+
 config B
 	bool "b"
""", """
+config UNIT
+	bool "unit"
+
 config B
 	bool "b"
 
 config UNIT
 	bool "unit"
""", Signal.REDECLARED, "`config UNIT` would be twice in this file", path="fs/Kconfig"),
    Case("redefinition", "a macro that this file has at another place", """
 #define UNIT_A 1
+#define UNIT_B 2
 int a;
""", """
 #define UNIT_B 2
 int b;
 #define UNIT_A 1
+#define UNIT_B 2
 int a;
""", Signal.REDECLARED, "`UNIT_B` would be defined twice"),
    Case("redefinition", "two halves of an #if, as upstream has them", """
 #ifdef CONFIG_UNIT
 #define UNIT_B 2
 #else
+#define UNIT_B 0
 #endif
""", """
 int a;
 #ifdef CONFIG_UNIT
 #define UNIT_B 2
 #else
+#define UNIT_B 0
 #endif
"""),
    Case("still_used", "a helper goes that this tree still calls", """
-static int halted(struct unit *u)
-{
-	return u->state;
-}
-
 int stop(struct unit *u)
 {
 	return 0;
 }
""", """
-static int halted(struct unit *u)
-{
-	return u->state;
-}
-
 int stop(struct unit *u)
 {
 	return halted(u);
 }
""", Signal.UNDECLARED, "the definition of `halted` is removed"),
    Case("still_used", "a helper goes that nobody calls any more", """
-static int halted(struct unit *u)
-{
-	return u->state;
-}
-
 int stop(struct unit *u)
 {
 	return 0;
 }
""", """
-static int halted(struct unit *u)
-{
-	return u->state;
-}
-
 int stop(struct unit *u)
 {
 	return 1;       /* no halted() here */
 }
"""),
    Case("variable_type", "a variable that cannot be negative here", """
 int stop(struct unit *u)
 {
 	int n = halt(u);
 
+	if (n < 0)
+		warn(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	unsigned int n = halt(u);
 
+	if (n < 0)
+		warn(u);
 	return 0;
 }
""", Signal.TYPED, "`n` is unsigned in stop() in this tree, signed upstream"),
    Case("variable_type", "a longer variable that may be negative as well", """
 int stop(struct unit *u)
 {
 	int n = halt(u);
 
+	if (n < 0)
+		warn(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	long n = halt(u);
 
+	if (n < 0)
+		warn(u);
 	return 0;
 }
"""),
    Case("operand_type", "sizeof of what is a pointer here", """
 int stop(struct unit *u)
 {
 	char name[16];
 
+	clear(name, sizeof(name));
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	char *name;
 
+	clear(name, sizeof(name));
 	return 0;
 }
""", Signal.TYPED, "`name` is `char *` in this tree, `char[]` upstream"),
    Case("operand_type", "a value whose bytes have an order upstream only", """
 struct frame {
 	__le16 length;
 };
 int stop(struct frame *f)
 {
+	f->length = 0x100;
 	return 0;
 }
""", """
 struct frame {
 	u16 length;
 };
 int stop(struct frame *f)
 {
+	f->length = 0x100;
 	return 0;
 }
""", Signal.TYPED, "`length` is `u16` in this tree, `__le16` upstream"),
    Case("operand_type", "an array of another length", """
 int stop(struct unit *u)
 {
 	char name[16];
 
+	clear(name, sizeof(name));
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	char name[32];
 
+	clear(name, sizeof(name));
 	return 0;
 }
"""),
    Case("signature", "the same number of parameters in another order", """
 static void copy_unit(struct unit *to, struct unit *from)
 {
 }
 void stop(struct unit *a, struct unit *b)
 {
+	copy_unit(a, b);
 	halt(a);
 }
""", """
 static void copy_unit(struct unit *from, struct unit *to)
 {
 }
 void stop(struct unit *a, struct unit *b)
 {
+	copy_unit(a, b);
 	halt(a);
 }
""", Signal.SIGNATURE, "copy_unit() takes"),
    Case("signature", "one integer is wider under the same name", """
 static void grow(struct unit *to, int count)
 {
 }
 void stop(struct unit *a)
 {
+	grow(a, 1);
 	halt(a);
 }
""", """
 static void grow(struct unit *to, long count)
 {
 }
 void stop(struct unit *a)
 {
+	grow(a, 1);
 	halt(a);
 }
"""),
    Case("call_arity", "an added call with one argument too many for this tree", """
 void stop(struct unit *u)
 {
+	set_state(u, 0, true);
 	halt(u);
 	set_state(u, 1, true);
 }
""", """
 void stop(struct unit *u)
 {
+	set_state(u, 0, true);
 	halt(u);
 	set_state(u, 1);
 }
""", Signal.ARITY, "set_state() takes 2 arguments in this tree, the added call has 3"),
    Case("call_arity", "a format takes any number", """
 void stop(struct unit *u)
 {
+	say("%d %d", 0, 1);
 	halt(u);
 	say("%d %d", 1, 2);
 }
""", """
 void stop(struct unit *u)
 {
+	say("%d %d", 0, 1);
 	halt(u);
 	say("%d", 1);
 }
"""),
    Case("call_arity", "a function takes one more, and this tree has a further call of it", """
-static int clone_it(struct unit *u)
+static int clone_it(struct unit *u, int how)
 {
-	return grow(u);
+	return grow(u, how);
 }
 void start(struct unit *u)
 {
-	clone_it(u);
+	clone_it(u, 1);
 }
""", """
-static int clone_it(struct unit *u)
+static int clone_it(struct unit *u, int how)
 {
-	return grow(u);
+	return grow(u, how);
 }
 void again(struct unit *u)
 {
 	clone_it(u);
 }
 void start(struct unit *u)
 {
-	clone_it(u);
+	clone_it(u, 1);
 }
""", Signal.ARITY, "clone_it() takes 2 arguments now, and a call in this file has 1"),
    Case("call_arity", "a function takes one more, and every call has it", """
-static int clone_it(struct unit *u)
+static int clone_it(struct unit *u, int how)
 {
 	return grow(u);
 }
 void start(struct unit *u)
 {
-	clone_it(u);
+	clone_it(u, 1);
 }
""", """
-static int clone_it(struct unit *u)
+static int clone_it(struct unit *u, int how)
 {
 	return grow(u) + 1;
 }
 void start(struct unit *u)
 {
-	clone_it(u);
+	clone_it(u, 1);
 	halt(u);
 }
"""),
    Case("ambiguous_merge", "a merged call with more arguments than either side adds up to", """
 void stop(struct unit *u)
 {
-	set_state(u, 0);
+	set_state(u, 0, now);
 	halt(u);
 }
""", """
 void stop(struct unit *u)
 {
-	set_state(u);
+	set_state(u, 0, now, true);
 	halt(u);
 }
""", Signal.ARITY, "set_state() has 4 arguments in the merged line, 1 in this tree"),
    Case("ambiguous_merge", "a merged call with the same argument twice", """
 void stop(struct unit *unit)
 {
-	set_state(unit, old);
+	set_state(unit, fresh);
 	halt(unit);
 }
""", """
 void stop(struct unit *unit)
 {
-	set_state(fresh, unit);
+	set_state(fresh, fresh);
 	halt(unit);
 }
""", Signal.DOUBLED, "has the argument `fresh` twice"),
    Case("ambiguous_merge", "this tree's call grows as upstream's does", """
 void stop(struct unit *u)
 {
-	set_state(u, 0);
+	set_state(u, 0, now);
 	halt(u);
 }
""", """
 void stop(struct unit *u)
 {
-	set_state(u);
+	set_state(u, now);
 	halt(u);
 }
"""),
    Case("sibling_call", "the list of this tree is read under RCU", """
 void stop(struct unit *u)
 {
+	list_del(&u->entry);
 	halt(u);
 }
 void drop(struct unit *u)
 {
 	list_del(&u->entry);
 }
""", """
 void stop(struct unit *u)
 {
+	list_del(&u->entry);
 	halt(u);
 }
 void drop(struct unit *u)
 {
 	list_del_rcu(&u->entry);
 }
""", Signal.VARIANT, "list_del_rcu() on `entry`"),
    Case("sibling_call", "this tree calls both", """
 void stop(struct unit *u)
 {
+	list_del(&u->entry);
 	halt(u);
 }
 void drop(struct unit *u)
 {
 	list_del(&u->entry);
 }
""", """
 void stop(struct unit *u)
 {
+	list_del(&u->entry);
 	halt(u);
 }
 void drop(struct unit *u)
 {
 	list_del_rcu(&u->entry);
 	list_del(&u->entry);
 }
"""),
    Case("error_check", "IS_ERR() for a value that is NULL here", """
 int stop(struct unit *u)
 {
+	p = find(u);
+	if (IS_ERR(p))
+		return 0;
 	q = find(u);
 	if (IS_ERR(q))
 		return 0;
 	return 1;
 }
""", """
 int stop(struct unit *u)
 {
+	p = find(u);
+	if (IS_ERR(p))
+		return 0;
 	q = find(u);
 	if (!q)
 		return 0;
 	return 1;
 }
""", Signal.VARIANT, "tests the value of find() for NULL"),
    Case("error_check", "this tree asks for errors as well", """
 int stop(struct unit *u)
 {
+	p = find(u);
+	if (IS_ERR(p))
+		return 0;
 	q = find(u);
 	if (IS_ERR(q))
 		return 0;
 	return 1;
 }
""", """
 int stop(struct unit *u)
 {
+	p = find(u);
+	if (IS_ERR(p))
+		return 0;
 	other = find(u);
 	if (IS_ERR(other))
 		return 0;
 	return 1;
 }
"""),
    Case("name_binding", "existing uses would refer to the added variable", """
 static int count;
 int stop(struct unit *u)
 {
+	int limit = 1;
+
 	halt(u);
+	clear(limit);
 	return 0;
 }
""", """
 static int limit;
 int stop(struct unit *u)
 {
+	int limit = 1;
+
 	halt(u);
+	clear(limit);
 	start(limit);
 	return 0;
 }
""", Signal.BOUND, "existing uses of `limit` in stop()"),
    Case("name_binding", "upstream's function binds it in the same way", """
 static int limit;
 int stop(struct unit *u)
 {
+	int limit = 1;
+
 	halt(u);
 	start(limit);
 	return 0;
 }
""", """
 static int limit;
 int stop(struct unit *u)
 {
+	int limit = 1;
+
 	halt(u, 1);
 	start(limit);
 	return 0;
 }
"""),
    Case("stale_identifier", "the line that goes has another name where upstream's is added again", """
 void stop(struct unit *u)
 {
-	write_reg(u->base, 0);
+	write_reg(u->base, 0, true);
 	halt(u);
 }
""", """
 void stop(struct unit *u)
 {
-	write_reg(u->regs, 0);
+	write_reg(u->base, 0, true);
 	halt(u);
 }
""", Signal.SPELLED, "`base`, which is added again"),
    Case("stale_identifier", "the added line has this tree's name", """
 void stop(struct unit *u)
 {
-	write_reg(u->base, 0);
+	write_reg(u->base, 0, true);
 	halt(u);
 }
""", """
 void stop(struct unit *u)
 {
-	write_reg(u->regs, 0);
+	write_reg(u->regs, 0, true);
 	halt(u);
 }
"""),
)
