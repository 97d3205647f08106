"""Cases about the way through a function: jumps, returns, locks, what is given back and what is asked first."""
# ruff: noqa: E101, W293

from backport.adapt.signals import Signal
from tests.support.check_cases import Case

RETURNS = """
 int scan(struct device_node *np)
 {
 	for_each_child_of_node_scoped(np, child) {
+		if (bad(child))
+			return -EINVAL;
 		add(child);
 	}
 	return 0;
 }
"""

BREAKS = """
 int scan(struct device_node *np)
 {
 	for_each_child_of_node_scoped(np, child) {
 		switch (kind(child)) {
 		case 1:
 			break;
 		}
+		if (bad(child))
+			break;
 		add(child);
 	}
 	return 0;
 }
"""

SWITCHES = """
 int scan(struct device_node *np)
 {
 	for_each_child_of_node_scoped(np, child) {
 		switch (kind(child)) {
 		case 1:
+			if (bad(child))
+				break;
+			clear(child);
 			add(child);
 		}
 	}
 	return 0;
 }
"""

STAYS = """
 int scan(struct device_node *np)
 {
 	for_each_child_of_node_scoped(np, child) {
+		if (bad(child))
+			goto next;
 		add(child);
 next:
 		count(child);
 	}
 	return 0;
 }
"""


def plain(text: str) -> str:
    """The same with the loop of an older tree, that does not put its node by itself."""
    return text.replace("_scoped", "")


CASES = (
    Case("guard", "the opposite condition", """
 int stop(struct unit *u)
 {
 	if (u->ready) {
+		clear(u);
 		halt(u);
 	}
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	if (!u->ready) {
+		clear(u);
 		halt(u);
 	}
 	return 0;
 }
""", Signal.OPPOSITE, "`clear(u);` runs under `if(!u->ready)` in this tree"),
    Case("guard", "a further condition is only told", """
 int stop(struct unit *u)
 {
 	if (u->ready) {
+		clear(u);
 		halt(u);
 	}
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	if (u->ready && u->count) {
+		clear(u);
 		halt(u);
 	}
 	return 0;
 }
""", Signal.GUARD, "u->count"),
    Case("guard", "the same condition", """
 int stop(struct unit *u)
 {
 	if (u->ready) {
+		clear(u);
 		halt(u);
 	}
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	if ( u->ready ) {
+		clear(u);
 		halt(u);
 	}
 	return 1;
 }
"""),
    Case("break_continue", "a break that ends the switch and not the loop", """
 int stop(struct unit *u)
 {
 	for (;;) {
 		if (u->ready)
+			break;
 		halt(u);
 	}
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	for (;;) {
 		switch (u->state) {
 		case 1:
 		if (u->ready)
+			break;
 		halt(u);
 		}
 	}
 	return 0;
 }
""", Signal.CONDITION, "`break;` ends a switch in this tree, a loop upstream"),
    Case("break_continue", "another kind of loop", """
 int stop(struct unit *u)
 {
 	for (;;) {
 		if (u->ready)
+			break;
 		halt(u);
 	}
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	while (u->count) {
 		if (u->ready)
+			break;
 		halt(u);
 	}
 	return 0;
 }
"""),
    Case("fallthrough", "the case above runs into the added one", """
 int stop(int x)
 {
 	switch (x) {
 	case 1:
 		halt(x);
 		break;
+	case 2:
+		clear(x);
 	}
 	return 0;
 }
""", """
 int stop(int x)
 {
 	switch (x) {
 	case 1:
 		halt(x);
+	case 2:
+		clear(x);
 	}
 	return 0;
 }
""", Signal.FALLING, "`halt(x);` comes before the added `case 2:`"),
    Case("fallthrough", "the case above leaves in another way", """
 int stop(int x)
 {
 	switch (x) {
 	case 1:
 		halt(x);
 		break;
+	case 2:
+		clear(x);
 	}
 	return 0;
 }
""", """
 int stop(int x)
 {
 	switch (x) {
 	case 1:
 		halt(x);
 		return 1;
+	case 2:
+		clear(x);
 	}
 	return 0;
 }
"""),
    Case("unused_label", "nothing jumps to the label here", """
 int stop(struct unit *u)
 {
 	if (!u)
 		goto out;
 	halt(u);
+out:
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	if (!u)
 		return 1;
 	halt(u);
+out:
 	return 0;
 }
""", Signal.LABEL, "jumps to the added label `out`"),
    Case("unused_label", "one jump is enough", """
 int stop(struct unit *u)
 {
 	if (!u)
 		goto out;
 	halt(u);
+out:
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	if (!u->count)
 		goto out;
 	halt(u);
+out:
 	return 0;
 }
"""),
    Case("unwind", "the label gives other things back", """
 int stop(struct unit *u)
 {
+	if (!u->ready)
+		goto out;
 	halt(u);
 out:
 	put_unit(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
+	if (!u->ready)
+		goto out;
 	halt(u);
 out:
 	free_unit(u);
 	return 0;
 }
""", Signal.LEAVING, "`free_unit(u);` in this tree only"),
    Case("unwind", "a return past a lock that this tree holds", """
 int stop(struct unit *u)
 {
 	start(u);
+	if (!u->ready)
+		return 1;
 	halt(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	mutex_lock(&u->lock);
 	start(u);
+	if (!u->ready)
+		return 1;
 	halt(u);
 	mutex_unlock(&u->lock);
 	return 0;
 }
""", Signal.LEAVING, "leaves without mutex_unlock()"),
    Case("unwind", "a release that only upstream's function had", """
 int stop(struct unit *u)
 {
 	halt(u);
 	put_unit(u);
+	clear(u);
+	put_unit(u->next);
+	put_unit(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	halt_all(u);
+	clear(u);
+	put_unit(u->next);
+	put_unit(u);
 	return 0;
 }
""", Signal.RELEASE, "`put_unit(u);` is in upstream's stop() before the patch"),
    Case("unwind", "a release that the patch moves in both", """
 int stop(struct unit *u)
 {
 	halt(u);
-	mutex_unlock(&u->lock);
 	free_unit(u);
+	mutex_unlock(&u->lock);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	halt_all(u);
-	mutex_unlock(&u->lock);
 	free_unit(u);
+	mutex_unlock(&u->lock);
 	return 0;
 }
"""),
    Case("unwind", "the label gives the same back", """
 int stop(struct unit *u)
 {
+	if (!u->ready)
+		goto out;
 	halt(u);
 out:
 	put_unit(u);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
+	if (!u->ready)
+		goto out;
 	halt(u, 1);
 out:
 	put_unit( u );
 	return 0;
 }
"""),
    Case("exit_value", "the error is another one at the label", """
 int stop(struct unit *u)
 {
 	int ret = -EINVAL;
 
 	start(u);
+	if (!u->ready)
+		goto out;
 	ret = halt(u);
 out:
 	return ret;
 }
""", """
 int stop(struct unit *u)
 {
 	int ret = 0;
 
 	start(u);
+	if (!u->ready)
+		goto out;
 	ret = halt(u);
 out:
 	return ret;
 }
""", Signal.LEAVING, "returns `ret`, which is `0` here and `-EINVAL` upstream"),
    Case("exit_value", "another name for the same error", """
 int stop(struct unit *u)
 {
 	int ret = -EINVAL;
 
 	start(u);
+	if (!u->ready)
+		goto out;
 	ret = halt(u);
 out:
 	return ret;
 }
""", """
 int stop(struct unit *u)
 {
 	int ret = -EINVAL;
 
 	begin(u);
+	if (!u->ready)
+		goto out;
 	ret = halt(u);
 out:
 	return ret;
 }
"""),
    Case("return_type", "a value from a function that gives none here", """
 int stop(struct unit *u)
 {
+	if (!u)
+		return -EINVAL;
 	halt(u);
 	return 0;
 }
""", """
 void stop(struct unit *u)
 {
+	if (!u)
+		return -EINVAL;
 	halt(u);
 }
""", Signal.RETURNED, "stop() returns nothing in this tree, a value upstream"),
    Case("return_type", "an integer of another width", """
 int stop(struct unit *u)
 {
+	if (!u)
+		return -EINVAL;
 	halt(u);
 	return 0;
 }
""", """
 long stop(struct unit *u)
 {
+	if (!u)
+		return -EINVAL;
 	halt(u);
 	return 0;
 }
"""),
    Case("unreachable", "a statement behind a return", """
 int stop(struct unit *u)
 {
 	if (u)
 		goto out;
 	return 0;
 out:
+	halt(u);
 	return 1;
 }
""", """
 int stop(struct unit *u)
 {
 	return 0;
+	halt(u);
 	return 1;
 }
""", Signal.UNREACHED, "`halt(u);` in stop() would be unreachable"),
    Case("unreachable", "behind a label", """
 int stop(struct unit *u)
 {
 	if (u)
 		goto out;
 	return 0;
 out:
+	halt(u);
 	return 1;
 }
""", """
 int stop(struct unit *u)
 {
 	if (u)
 		goto fail;
 	return 0;
 fail:
+	halt(u);
 	return 1;
 }
"""),
    Case("lock_balance", "a lock that is taken and never given back", """
 int stop(struct unit *u)
 {
+	mutex_lock(&u->lock);
 	halt(u);
+	mutex_unlock(&u->lock);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
+	mutex_lock(&u->lock);
 	halt(u);
 	return 0;
 }
""", Signal.BALANCE, "stop() locks without unlocking"),
    Case("lock_balance", "the half that this tree lacked", """
 int stop(struct unit *u)
 {
+	mutex_lock(&u->lock);
 	halt(u);
+	mutex_unlock(&u->lock);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	mutex_lock(&u->lock);
 	halt(u);
+	mutex_unlock(&u->lock);
 	return 0;
 }
"""),
    Case("lock_balance", "the unlock goes upstream as well, and the function is there for either half of an #if", """
 #ifdef CONFIG_SMP
 int stop(struct unit *u)
 {
 	local_irq_disable();
+	halt(u);
 	return 0;
 }
 #else
 int stop(struct unit *u)
 {
 	return 0;
 }
 #endif
""", """
 #ifdef CONFIG_SMP
 int stop(struct unit *u)
 {
 	local_irq_disable();
+	halt(u);
 	return 0;
 }
 #else
 int stop(struct unit *u)
 {
 	return 0;
 }
 #endif
"""),
    Case("unwind", "a return where upstream leaves the release to the compiler", """
 int scan(void)
 {
 	struct device_node *np __free(device_node) = of_find_node_by_name(NULL, "x");
 	int ret;

+	if (!usable(np))
+		return -ENODEV;
 	ret = use(np);
 	return ret;
 }
""", """
 int scan(void)
 {
 	struct device_node *np = of_find_node_by_name(NULL, "x");
 	int ret;

+	if (!usable(np))
+		return -ENODEV;
 	ret = use(np);
 	of_node_put(np);
 	return ret;
 }
""", Signal.LEAVING, "leaves without of_node_put()"),
    Case("unwind", "a return above what upstream leaves to the compiler", """
 int scan(void)
 {
 	int ret;

+	if (!usable())
+		return -ENODEV;
 	struct device_node *np __free(device_node) = of_find_node_by_name(NULL, "x");
 	ret = use(np);
 	return ret;
 }
""", """
 int scan(void)
 {
 	struct device_node *np;
 	int ret;

+	if (!usable())
+		return -ENODEV;
 	np = of_find_node_by_name(NULL, "x");
 	ret = use(np);
 	of_node_put(np);
 	return ret;
 }
"""),
    Case("loop_reference", "a return out of a loop that is not scoped here", RETURNS, plain(RETURNS),
         Signal.REFERENCE, "`return -EINVAL;` leaves for_each_child_of_node() without"),
    Case("loop_reference", "a break out of it", BREAKS, plain(BREAKS), Signal.REFERENCE, "`break;` leaves"),
    Case("loop_reference", "both loops put the node by hand", plain(RETURNS), plain(RETURNS)),
    Case("loop_reference", "the reference is dropped above the jump", """
 int scan(struct device_node *np)
 {
 	for_each_child_of_node_scoped(np, child) {
+		if (bad(child)) {
+			return -EINVAL;
+		}
 		add(child);
 	}
 	return 0;
 }
""", """
 int scan(struct device_node *np)
 {
 	for_each_child_of_node(np, child) {
+		if (bad(child)) {
+			of_node_put(child);
+			return -EINVAL;
+		}
 		add(child);
 	}
 	return 0;
 }
"""),
    Case("loop_reference", "a break of a switch stays in the loop", SWITCHES, plain(SWITCHES)),
    Case("loop_reference", "a goto that stays in the loop", STAYS, plain(STAYS)),
    Case("held_locks", "behind the unlock", """
 int stop(struct unit *u)
 {
 	mutex_lock(&u->lock);
 	halt(u);
+	u->state = 0;
 	mutex_unlock(&u->lock);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	mutex_lock(&u->lock);
 	halt(u);
 	mutex_unlock(&u->lock);
+	u->state = 0;
 	return 0;
 }
""", Signal.HELD, "`u->state = 0;` runs under no lock in this tree, under mutex `lock` upstream"),
    Case("held_locks", "the lock is in another struct", """
 int stop(struct unit *u)
 {
 	mutex_lock(&u->lock);
 	halt(u);
+	u->state = 0;
 	mutex_unlock(&u->lock);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	mutex_lock(&u->parent->lock);
 	halt(u);
+	u->state = 0;
 	mutex_unlock(&u->parent->lock);
 	return 0;
 }
"""),
    Case("use_after_free", "what is freed is used behind it", """
 int stop(struct unit *u)
 {
 	halt(u);
+	kfree(u->data);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	halt(u);
+	kfree(u->data);
 	clear(u->data);
 	return 0;
 }
""", Signal.FREED, "`clear(u->data);` uses what `kfree(u->data);` above it releases"),
    Case("use_after_free", "it is freed in this tree already", """
 int stop(struct unit *u)
 {
 	halt(u);
+	kfree(data);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	kfree(data);
 	halt(u);
+	kfree(data);
 	return 0;
 }
""", Signal.FREED, "is in this tree's function already, at line 3"),
    Case("use_after_free", "it gets a new value first", """
 int stop(struct unit *u)
 {
 	halt(u);
+	kfree(u->data);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	halt(u);
+	kfree(u->data);
 	u->data = NULL;
 	clear(u->data);
 	return 0;
 }
"""),
    Case("uninitialized", "a variable that has no value yet", """
 int stop(struct unit *u)
 {
 	int n;
 
 	n = halt(u);
+	clear(u, n);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	int n;
 
+	clear(u, n);
 	n = halt(u);
 	return 0;
 }
""", Signal.NO_VALUE, "`clear(u, n);` uses `n`, which has no value yet"),
    Case("uninitialized", "a static variable has a value", """
 int stop(struct unit *u)
 {
 	static int n;
 
 	n = halt(u);
+	clear(u, n);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	static int n;
 
+	clear(u, n);
 	n = halt(u);
 	return 0;
 }
"""),
    Case("uninitialized", "a pointer that is used before it is asked", """
 int stop(struct unit *u)
 {
 	p = find(u);
+	if (!p)
+		return 1;
 	p->state = 0;
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	p = find(u);
 	p->state = 0;
+	if (!p)
+		return 1;
 	return 0;
 }
""", Signal.UNSET, "comes after `p->state = 0;`"),
    Case("uninitialized", "a value from another call", """
 int stop(struct unit *u)
 {
 	int n;
 
 	n = halt(u);
+	clear(u, n);
 	return 0;
 }
""", """
 int stop(struct unit *u)
 {
 	int n;
 
 	n = count(u);
+	clear(u, n);
 	return 0;
 }
"""),
)
