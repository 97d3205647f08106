"use strict";
(function () {
  document.addEventListener("DOMContentLoaded", function () {
    matrix(document.getElementById("matrix"));
  });

  function matrix(table) {
    var query = document.getElementById("q"), shown = document.getElementById("shown");
    var clear = document.getElementById("clear"), empty = document.getElementById("empty");
    var form = document.querySelector(".filters");
    var chips = Array.prototype.slice.call(form.querySelectorAll(".chip"));
    var rows = Array.prototype.map.call(table.tBodies[0].rows, function (row) {
      var link = row.cells[0].firstChild;
      return {
        row: row, visible: true, quiet: row.hasAttribute("data-quiet"),
        text: (row.cells[0].textContent + " " + decodeURIComponent(link.getAttribute("href"))).toLowerCase(),
        masks: row.getAttribute("data-m").split(",").map(Number)
      };
    });
    // rows that need nothing on any tree stay folded until they are asked for, by the button or by a filter
    var unfold = document.getElementById("unfold"), folded = unfold !== null;
    var trees = rows.length ? rows[0].masks.length : 0, waiting = false;
    form.hidden = false;

    function pressed(name) {
      return chips.filter(function (chip) { return chip.hasAttribute(name) && chip.getAttribute("aria-pressed") === "true"; })
        .map(function (chip) { return Number(chip.getAttribute(name)); });
    }
    function apply() {
      waiting = false;
      var parts = query.value.toLowerCase().split(/\s+/).filter(Boolean);
      var bits = pressed("data-bit").reduce(function (all, bit) { return all | bit; }, 0);
      var chosen = pressed("data-tree"), count = 0, n;
      for (n = 0; n < trees; n += 1) {
        table.classList.toggle("hide" + n, chosen.length > 0 && chosen.indexOf(n) < 0);
      }
      rows.forEach(function (one) {
        var hit = parts.every(function (part) { return one.text.indexOf(part) >= 0; });
        if (hit && bits) {
          hit = one.masks.some(function (mask, number) {
            return (mask & bits) !== 0 && (chosen.length === 0 || chosen.indexOf(number) >= 0);
          });
        }
        if (folded && one.quiet && !parts.length && !bits) { hit = false; }
        if (hit !== one.visible) { one.row.hidden = !hit; one.visible = hit; }
        if (hit) { count += 1; }
      });
      var filtered = parts.length > 0 || bits !== 0 || chosen.length > 0;
      shown.textContent = filtered ? count + " of " + rows.length + " patches" : "";
      clear.hidden = !filtered;
      if (unfold) { unfold.parentNode.hidden = !folded || parts.length > 0 || bits !== 0; }
      empty.hidden = count > 0;
      remember(parts.length ? query.value : "", bits, chosen);
    }
    function later() { if (!waiting) { waiting = true; requestAnimationFrame(apply); } }
    function press(chip, on) { chip.setAttribute("aria-pressed", on ? "true" : "false"); }

    // a filtered view is a link that can be sent to somebody
    function remember(text, bits, chosen) {
      var said = [];
      if (text) { said.push("q=" + encodeURIComponent(text)); }
      if (bits) { said.push("o=" + bits); }
      if (chosen.length) { said.push("t=" + chosen.join(".")); }
      try { history.replaceState(null, "", said.length ? "#" + said.join("&") : location.pathname + location.search); }
      catch (e) { /* not from this place; the filter works all the same */ }
    }
    function recall() {
      location.hash.slice(1).split("&").forEach(function (pair) {
        var at = pair.indexOf("="), key = pair.slice(0, at), value = pair.slice(at + 1);
        if (key === "q") { try { query.value = decodeURIComponent(value); } catch (e) { query.value = value; } }
        chips.forEach(function (chip) {
          if (key === "o" && Number(chip.getAttribute("data-bit")) & Number(value)) { press(chip, true); }
          if (key === "t" && chip.hasAttribute("data-tree") && value.split(".").indexOf(chip.getAttribute("data-tree")) >= 0) {
            press(chip, true);
          }
        });
      });
    }

    query.addEventListener("input", later);
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    form.addEventListener("click", function (event) {
      var chip = event.target.closest(".chip");
      if (chip) { press(chip, chip.getAttribute("aria-pressed") !== "true"); later(); }
    });
    function reset() {
      query.value = "";
      chips.forEach(function (chip) { press(chip, false); });
      apply();
    }
    if (unfold) {
      unfold.addEventListener("click", function () {
        var first = rows.filter(function (one) { return one.quiet; })[0];
        folded = false;
        apply();
        first.row.querySelector("a").focus();
      });
    }
    clear.addEventListener("click", function () { reset(); query.focus(); });

    document.addEventListener("keydown", function (event) {
      if (event.ctrlKey || event.metaKey || event.altKey) { return; }
      if (waiting) { apply(); }    // a key right after a letter must meet the rows that the letter leaves
      var typing = event.target === query;
      if (event.key === "/" && !typing) { event.preventDefault(); query.focus(); query.select(); return; }
      if (event.key === "Escape" && (typing || !clear.hidden)) { reset(); return; }
      if (event.key === "ArrowDown" && typing) { go(0, 0, 1, 0); event.preventDefault(); return; }
      var cell = event.target.closest ? event.target.closest("#matrix tbody th, #matrix tbody td") : null;
      var step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!cell || !step) { return; }
      event.preventDefault();
      go(cell.parentNode.sectionRowIndex + step[0], cell.cellIndex + step[1], step[0], step[1]);
    });
    // to the next cell with a link in this direction that no filter hides
    function go(row, column, down, right) {
      for (; rows[row] && rows[row].row.cells[column]; row += down, column += right) {
        var link = rows[row].row.cells[column].querySelector("a");
        if (link && link.offsetParent !== null) { link.focus(); return; }
        if (!down && !right) { return; }
      }
    }
    recall();
    apply();
  }
}());
