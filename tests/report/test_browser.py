"""The HTML report in real headless Chromium: clicked through, measured, and checked for accessibility."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from backport.report.html import write
from backport.results.store import Results
from backport.verdict import Apply, Build
from tests.support import site
from tests.support.cells import HOSTILE, cell, fill

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
MISSING = [name for name, path in (("chromium", CHROMIUM), ("chromedriver", DRIVER)) if path is None]

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.xdist_group("chromium"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} "
                                             "(apt-get install chromium chromium-driver)"),
    # selenium leaves its sockets to the garbage collector
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Browser:
    """Selenium with what these tests want of it."""

    def __init__(self) -> None:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
        self.size(1400, 900)

    def size(self, width: int, height: int, *, dark: bool = False, media: str = "") -> None:
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def open(self, path: Path, fragment: str = "") -> None:
        self.driver.get("about:blank")       # the same address with another fragment would not load again
        self.driver.get(path.as_uri() + fragment)

    def js(self, code: str, *args: Any) -> Any:
        return self.driver.execute_script(code, *args)

    def settle(self) -> None:
        """Wait until what was just done is on the screen."""
        self.driver.execute_async_script(
            "var done = arguments[0]; requestAnimationFrame(function () { requestAnimationFrame(done); });")

    def all(self, css: str) -> list[Any]:
        found: list[Any] = self.driver.find_elements("css selector", css)
        return found

    def one(self, css: str) -> Any:
        return self.driver.find_element("css selector", css)

    def visible_rows(self) -> list[str]:
        self.settle()
        found: list[str] = self.js("return Array.from(document.querySelectorAll('#matrix tbody tr')).filter("
                                   "r => r.offsetParent !== null).map(r => r.cells[0].textContent)")
        return found

    def type(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains
        ActionChains(self.driver).send_keys(*keys).perform()
        self.settle()

    def complaints(self) -> list[str]:
        return [str(entry["message"]) for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    made = Browser()
    try:
        yield made
    finally:
        made.driver.quit()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return site.make(tmp_path_factory.mktemp("small"), 14).parent


@pytest.fixture(autouse=True)
def ordinary(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("browser").size(1400, 900)


def test_nothing_is_fetched_and_nothing_complains(browser: Browser, small: Path) -> None:
    browser.complaints()
    for page in ("index.html", "patches/toy-fix-3.html", "trees/linux-8.5.y.html"):
        browser.open(small / page)
        assert browser.js("return performance.getEntriesByType('resource').length") == 0
    assert browser.complaints() == []        # a policy that stops our own script would be told here


def test_a_script_in_a_subject_is_shown_and_not_run(browser: Browser, small: Path) -> None:
    browser.open(small / "patches" / "toy-fix-3.html")
    assert browser.one("h1").text.startswith("<script>alert(1)</script> | `x` \\x1b[31mred\\x1b[0m \\u202egnp.exe")
    assert browser.js("return document.scripts.length") == 1
    assert "alert(1)" in HOSTILE


def test_from_the_matrix_to_the_evidence_and_to_the_tree(browser: Browser, small: Path) -> None:
    browser.open(small / "index.html")
    cells = browser.all("#matrix tbody tr:first-child td a")
    cell = next(one for one in cells if one.text == "rewritten, pass, review")
    cell.click()
    assert browser.driver.current_url.endswith("/patches/toy-fix-0.html#linux-8.7.y")
    section = browser.one("#linux-8\\.7\\.y")
    assert browser.js("return arguments[0].getBoundingClientRect().top", section) < 200
    assert [mark.text for mark in section.find_elements("css selector", ".del mark")] == ["toy_is_busy(", ")", "->busy"]
    assert section.find_element("css selector", ".again code").text == (
        "backport run patches/toy-fix-0.patch --tree linux-8.7.y")
    assert "made_up" in section.find_element("css selector", ".facts").text
    assert "8.7.262, since night 1" in section.text
    section.find_element("link text", "Build log").click()
    assert "/logs/toy-fix-0--linux-8.7.y.txt" in browser.driver.current_url
    assert browser.one("body").text.strip().startswith("CC      toys/file0.o\n")
    browser.driver.back()
    browser.one("#linux-8\\.7\\.y h2 a").click()
    assert browser.one("h1").text == "linux-8.7.y 8.7.262"
    browser.one(".brand").click()
    assert browser.one("h1").text == "Backport matrix"


def test_filters_by_text_outcome_and_tree(browser: Browser, small: Path) -> None:
    browser.open(small / "index.html")
    assert len(browser.visible_rows()) == 14
    browser.one("#q").send_keys("RACE reset")
    assert browser.visible_rows() == ["toy: Fix a race between reset and unplug (part 9)"]
    assert browser.one("#shown").text == "1 of 14 patches"
    browser.one("#clear").click()
    assert len(browser.visible_rows()) == 14
    chip = next(one for one in browser.all(".chip") if one.text.startswith("conflict"))
    chip.click()
    assert chip.get_attribute("aria-pressed") == "true"
    rows = browser.visible_rows()
    assert 0 < len(rows) < 14
    tree = next(one for one in browser.all(".chip") if one.text == "8.5.y")
    tree.click()
    assert len(browser.visible_rows()) < len(rows)
    heads = [one.text.split("\n")[0] for one in browser.all("#matrix thead th") if one.is_displayed()]
    assert heads == ["Patch", "8.5.y"]
    cells = browser.js("return Array.from(document.querySelectorAll('#matrix tbody tr:not([hidden]) td')).filter("
                       "c => c.offsetParent !== null).map(c => c.textContent)")
    assert set(cells) == {"conflict"}
    address = browser.driver.current_url
    browser.open(small / "patches" / "toy-fix-1.html")
    browser.driver.get(address)              # a filtered view is a link
    assert len(browser.visible_rows()) == len(cells)
    browser.one("#q").send_keys("no such thing")
    assert browser.visible_rows() == []
    assert browser.one("#empty").is_displayed()


def test_rows_that_need_nothing_are_folded_until_they_are_asked_for(browser: Browser, tmp_path: Path) -> None:
    quiet = [cell(f"there-{n}", "linux-9.1.y", Apply.ALREADY, subject=f"net: there {n}") for n in range(6)]
    with Results(tmp_path / "r.sqlite") as results:
        run = fill(results, [*quiet, cell("open", "linux-9.1.y", Apply.CONFLICT, Build.SKIPPED, subject="mm: open")])
        write(run, results.cells(run), tmp_path / "site")
    browser.open(tmp_path / "site/index.html")
    assert browser.visible_rows() == ["mm: open"]
    browser.one("#q").send_keys("there 3")                # a filter looks at all of them
    assert browser.visible_rows() == ["net: there 3"]
    browser.one("#clear").click()
    assert browser.visible_rows() == ["mm: open"]
    browser.one("#unfold").click()
    assert len(browser.visible_rows()) == 7
    assert not browser.one("#unfold").is_displayed()
    assert browser.js("return document.activeElement.textContent") == "net: there 0"


def test_by_keyboard_alone(browser: Browser, small: Path) -> None:
    from selenium.webdriver.common.keys import Keys
    browser.open(small / "index.html")
    browser.type("/")
    assert browser.js("return document.activeElement.id") == "q"
    browser.type("mmu", Keys.ARROW_DOWN)
    assert browser.js("return document.activeElement.textContent") == "toy: mmu: Do not map the same page twice"
    browser.type(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert browser.js("return document.activeElement.parentNode.dataset.tree") == "9.2.y"
    browser.type(Keys.ARROW_DOWN)            # over the rows that the filter hides
    assert "(part 7)" in browser.js("return document.activeElement.closest('tr').cells[0].textContent")
    browser.type(Keys.ESCAPE)
    assert len(browser.visible_rows()) == 14
    assert browser.js("return document.activeElement.matches(':focus-visible')")
    browser.type(Keys.ENTER)
    assert "/patches/toy-fix-7.html#linux-9.2.y" in browser.driver.current_url


def test_heads_stay_in_sight(browser: Browser, small: Path) -> None:
    browser.size(900, 400)
    browser.open(small / "index.html")
    browser.js("scrollTo(300, 800)")
    browser.settle()
    where = browser.js("var h = document.querySelector('#matrix thead th:nth-child(9)').getBoundingClientRect(),"
                       "s = document.querySelector('#matrix tbody tr:nth-child(9) th').getBoundingClientRect();"
                       "return [h.top, s.left, scrollX]")
    assert where[0] == 0
    assert 0 <= where[1] < 30
    assert where[2] > 100


def test_theme_follows_the_system_until_it_is_chosen(browser: Browser, small: Path) -> None:
    def paper() -> str:
        return str(browser.js("return getComputedStyle(document.body).backgroundColor"))
    browser.open(small / "index.html")
    light = paper()
    browser.size(1400, 900, dark=True)
    dark = paper()
    assert light != dark
    button = browser.one("#theme")
    button.click()
    assert (button.text, paper()) == ("Theme: light", light)
    # kept; the browser writes what a page stores when it has time, and a loaded machine may open the page before that
    kept = False
    for _ in range(20):
        browser.settle()
        browser.driver.refresh()
        if kept := paper() == light:
            break
    assert kept
    browser.size(1400, 900)
    browser.one("#theme").click()
    assert paper() == dark
    browser.one("#theme").click()
    assert browser.one("#theme").text == "Theme: automatic"


def test_a_phone_shows_every_cell_without_scrolling_sideways(browser: Browser, small: Path) -> None:
    browser.size(390, 844)
    for page in ("index.html", "patches/toy-fix-0.html", "trees/linux-8.7.y.html"):
        browser.open(small / page)
        assert browser.js("return document.documentElement.scrollWidth") <= 390, page
    browser.open(small / "index.html")
    before = browser.js("return getComputedStyle(document.querySelector('#matrix td'), '::before').content")
    assert before == '"9.4.y"'


def test_on_paper_the_controls_are_gone_and_the_words_stay(browser: Browser, small: Path) -> None:
    browser.open(small / "index.html")
    browser.size(1000, 1400, dark=True, media="print")
    assert not browser.one(".filters").is_displayed()
    assert not browser.one("#theme").is_displayed()
    assert browser.one("#matrix td").text == "already"
    assert browser.js("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize(("page", "width", "dark"), [
    ("index.html", 1400, False), ("index.html", 390, True), ("patches/toy-fix-0.html", 390, False),
    ("patches/toy-fix-0.html", 1400, True), ("patches/toy-fix-1.html", 1400, False),
    ("trees/linux-8.5.y.html", 390, True)])
def test_accessibility(browser: Browser, small: Path, page: str, width: int, dark: bool) -> None:
    """axe-core finds nothing (roles, names, labels, landmarks, order of headings, contrast of all text)."""
    axe = (resources.files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
    browser.size(width, 900, dark=dark)
    browser.open(small / page)
    browser.js("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    # the page's policy forbids other scripts, the driver's own are exempt
    browser.js(axe + "; window.axe = axe;")
    told = browser.driver.execute_async_script(
        "var done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(done, e => done(String(e)));")
    found = [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in told["violations"]]
    assert found == [], json.dumps(found, indent=1)


def test_500_patches_on_10_trees_open_in_a_second_and_filter_without_a_stutter(
        browser: Browser, tmp_path: Path) -> None:
    index = site.make(tmp_path, 500, nights=1)
    def tries(measure: Callable[[], float], enough: float) -> Iterator[float]:
        for _try in range(10):
            yield (took := measure())
            if took < enough:
                return

    def opened() -> float:
        browser.open(index)
        browser.settle()
        return float(browser.js("var t = performance.getEntriesByType('navigation')[0];"
                                "return Math.max(t.loadEventEnd, performance.getEntriesByType('paint').reduce("
                                "(latest, p) => Math.max(latest, p.startTime), 0))"))
    # the best of some tries: other processes on the machine are not the page's fault
    load = min(tries(opened, 1000))
    def filtered(text: str) -> float:
        """From the key to the frame that shows it, in milliseconds."""
        return float(browser.driver.execute_async_script(
            "var done = arguments[1], q = document.getElementById('q'), began = performance.now();"
            "q.value = arguments[0]; q.dispatchEvent(new Event('input'));"
            "requestAnimationFrame(function () { requestAnimationFrame(function () {"
            "done(performance.now() - began); }); });", text))
    keys = max(min(tries(lambda text=text: filtered("") and filtered(text), 200)) for text in ("t", "toy: mmu", "zz"))
    print(f"500 x 10: open {load:.0f} ms, filter {keys:.0f} ms")
    assert load < 10_000             # a page that lays out every row takes minutes; scripts/bench measures
    assert keys < 5_000
