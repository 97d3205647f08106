"""Cases about what is no statement: structs, enums, tables, comments, line ends, files that are not C."""
# ruff: noqa: E101

from backport.adapt.signals import Signal
from tests.support.check_cases import Case

CASES = (
    Case("duplicate_member", "a member that the struct has further up", """
 struct unit {
 	int state;
+	bool quiet;
 	int count;
 };
""", """
 struct unit {
 	u8 quiet;
 	int state;
+	bool quiet;
 	int count;
 };
""", Signal.REDECLARED, "struct unit has the member `quiet` twice"),
    Case("duplicate_member", "the member of a struct inside", """
 struct unit {
 	int state;
+	bool quiet;
 	int count;
 };
""", """
 struct unit {
 	struct {
 		u8 quiet;
 	} old;
 	int state;
+	bool quiet;
 	int count;
 };
"""),
    Case("duplicate_case", "an enumerator that stands in the enum already", """
 enum state {
 	STATE_A,
+	STATE_B,
 	STATE_C,
 };
""", """
 enum state {
 	STATE_B,
 	STATE_A,
+	STATE_B,
 	STATE_C,
 };
""", Signal.REDECLARED, "`STATE_B` would be there twice: line 2"),
    Case("duplicate_case", "an initialiser in both halves of an #if, as upstream has it", """
 static struct ops unit_ops = {
 #ifdef CONFIG_UNIT
 	.stop = unit_stop,
 #else
+	.stop = unit_halt,
 #endif
 	.start = unit_start,
 };
""", """
 static struct ops unit_ops = {
 #ifdef CONFIG_UNIT
 	.stop = unit_stop,
 #else
+	.stop = unit_halt,
 #endif
 	.start = unit_begin,
 };
"""),
    Case("duplicate_case", "a case of a switch that has it already", """
 int stop(int x)
 {
 	switch (x) {
 	case 1:
 		return 1;
+	case 2:
+		return 2;
 	}
 	return 0;
 }
""", """
 int stop(int x)
 {
 	switch (x) {
 	case 2:
 		return 4;
 	case 1:
 		return 1;
+	case 2:
+		return 2;
 	}
 	return 0;
 }
""", Signal.REDECLARED, "`2` would be there twice: line 4"),
    Case("duplicate_case", "the same case of another switch", """
 int stop(int x)
 {
 	switch (x) {
 	case 1:
 		return 1;
+	case 2:
+		return 2;
 	}
 	return 0;
 }
""", """
 int stop(int x)
 {
 	switch (x) {
 	case 1:
 		return 1;
+	case 2:
+		return 2;
 	}
 	switch (x + 1) {
 	case 2:
 		return 3;
 	}
 	return 0;
 }
"""),
    Case("duplicate_case", "the same case in both halves of an #if, as upstream has it", """
 int stop(int x)
 {
 	switch (x) {
 #ifdef CONFIG_UNIT
 	case 2:
 		return 1;
 #else
+	case 2:
+		return 2;
 #endif
 	}
 	return 0;
 }
""", """
 int stop(int x)
 {
 	switch (x) {
 #ifdef CONFIG_UNIT
 	case 2:
 		return 4;
 #else
+	case 2:
+		return 2;
 #endif
 	}
 	return 0;
 }
"""),
    Case("enclosing_entry", "a member that would share its bytes in a union", """
 struct unit {
 	int a;
+	int b;
 };
""", """
 struct unit {
 	union {
 	int a;
+	int b;
 	};
 };
""", Signal.INSIDE, "`int b;` is inside"),
    Case("enclosing_entry", "the same struct with another member before it", """
 struct unit {
 	int a;
+	int b;
 };
""", """
 struct unit {
 	union {
 		int x;
 	};
 	int a;
+	int b;
 };
"""),
    Case("duplicate_key", "the table has the device with other flags", """
 static const struct id ids[] = {
 	{ 0x1001, FLAG_A },
+	{ 0x1002, FLAG_B },
 	{ 0x1003, FLAG_A },
 };
""", """
 static const struct id ids[] = {
 	{ 0x1002, FLAG_C },
 	{ 0x1001, FLAG_A },
+	{ 0x1002, FLAG_B },
 	{ 0x1003, FLAG_A },
 };
""", Signal.ENTRY, "`0x1002` is in this tree's table at line 2 with other values"),
    Case("duplicate_key", "a device that the table does not have", """
 static const struct id ids[] = {
 	{ 0x1001, FLAG_A },
+	{ 0x1002, FLAG_B },
 	{ 0x1003, FLAG_A },
 };
""", """
 static const struct id ids[] = {
 	{ 0x1000, FLAG_C },
 	{ 0x1001, FLAG_A },
+	{ 0x1002, FLAG_B },
 	{ 0x1003, FLAG_A },
 };
"""),
    Case("constant_value", "a flag whose bit another one has here", """
 #define UNIT_A 0x1
+#define UNIT_B 0x2
 #define UNIT_C 0x4
""", """
 #define UNIT_Z 0x2
 #define UNIT_A 0x1
+#define UNIT_B 0x2
 #define UNIT_C 0x4
""", Signal.VALUE, "`UNIT_B` is 0x2 in this tree, which `UNIT_Z` has already, at line 1"),
    Case("constant_value", "a value that user space knows by another number", """
 enum state {
 	STATE_A,
 	STATE_B,
+	STATE_C,
 };
""", """
 enum state {
 	STATE_A,
+	STATE_C,
 };
""", Signal.VALUE, "`STATE_C` is 1 in this tree and 2 upstream", path="include/uapi/linux/unit.h"),
    Case("constant_value", "a bit that is free here", """
 #define UNIT_A 0x1
+#define UNIT_B 0x2
 #define UNIT_C 0x4
""", """
 #define UNIT_Z 0x8
 #define UNIT_A 0x1
+#define UNIT_B 0x2
 #define UNIT_C 0x4
"""),
    Case("comment_subject", "a comment whose line is not here", """
 void stop(struct unit *u)
 {
+	/* the timer must not run any more */
 	kill_timer(u->timer);
 	halt(u);
 }
""", """
 void stop(struct unit *u)
 {
+	/* the timer must not run any more */
 	halt(u);
 }
""", Signal.ABOUT, "mentions `timer`"),
    Case("comment_subject", "a comment above the same line", """
 void stop(struct unit *u)
 {
+	/* the timer must not run any more */
 	kill_timer(u->timer);
 	halt(u);
 }
""", """
 void stop(struct unit *u)
 {
+	/* the timer must not run any more */
 	kill_timer(u->timer);
 	halt(u, 0);
 }
"""),
    Case("in_comment", "a block that is commented out here", """
 void stop(struct unit *u)
 {
 	halt(u);
+	clear(u);
 	reset(u);
 }
""", """
 void stop(struct unit *u)
 {
 	/*
 	halt(u);
+	clear(u);
 	reset(u);
 	*/
 }
""", Signal.COMMENTED, "`clear(u);` is inside a comment in this tree"),
    Case("in_comment", "a comment above that ends in time", """
 void stop(struct unit *u)
 {
 	halt(u);
+	clear(u);
 	reset(u);
 }
""", """
 void stop(struct unit *u)
 {
 	/*
 	halt(u);
 	*/
+	clear(u);
 	reset(u);
 }
"""),
    Case("eol", "this tree's file has other line ends", """
 void stop(struct unit *u)
 {
+	clear(u);
 }
""", """
 void stop(struct unit *u)
 {
+	clear(u);
 }
""", Signal.LINE_ENDS, "end with CRLF", crlf=True),
    Case("eol", "the same line ends", """
 void stop(struct unit *u)
 {
+	clear(u);
 }
""", """
 void stop(struct unit *u)
 {
+	clear(u);
 }
"""),
    Case("pp_condition", "the other half of an #if", """
 #ifdef CONFIG_UNIT
 int a;
+int added;
 #endif
""", """
 #ifndef CONFIG_UNIT
 int a;
+int added;
 #endif
""", Signal.HALF, "`int added;` is under !CONFIG_UNIT in this tree, under CONFIG_UNIT upstream"),
    Case("pp_condition", "under another condition", """
 #ifdef CONFIG_UNIT
 int a;
+int added;
 #endif
""", """
 #ifdef CONFIG_OTHER
 int a;
+int added;
 #endif
""", Signal.PREPROCESSOR, "under CONFIG_OTHER"),
    Case("pp_condition", "the same condition in other words", """
 #ifdef CONFIG_UNIT
 int a;
+int added;
 #endif
""", """
 #if defined(CONFIG_UNIT)
 int a;
+int added;
 #endif
"""),
    Case("sections", "a select in another config", """
 config UNIT
 	bool "Unit"
+	select CRC32
 	help
""", """
 config OTHER
 	bool "Unit"
+	select CRC32
 	help
""", Signal.INSIDE, "`select CRC32` is in `config OTHER` in this tree, in `config UNIT` upstream",
         path="drivers/Kconfig"),
    Case("sections", "a property of another node", """
 &uart1 {
+	status = "okay";
 };
""", """
 &uart2 {
+	status = "okay";
 };
""", Signal.INSIDE, "&uart2", path="arch/arm/boot/dts/board.dts"),
    Case("sections", "an instruction in another routine", """
 SYM_FUNC_START(copy_fast)
+	nop
 	ret
 SYM_FUNC_END(copy_fast)
""", """
 SYM_FUNC_START(copy_slow)
+	nop
 	ret
 SYM_FUNC_END(copy_slow)
""", Signal.INSIDE, "copy_slow", path="arch/x86/lib/copy.S"),
    Case("sections", "the same config with another line above", """
 config UNIT
 	bool "Unit"
+	select CRC32
 	help
""", """
 config UNIT
 	bool "A unit"
 	depends on PCI
+	select CRC32
 	help
""", path="drivers/Kconfig"),
)
