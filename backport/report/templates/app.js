"use strict";
(function () {
  var root = document.documentElement, names = ["automatic", "light", "dark"];
  function stored() { try { return localStorage.getItem("backport-theme") || "automatic"; } catch (e) { return "automatic"; } }
  function paint(name) {
    if (name === "automatic") { root.removeAttribute("data-theme"); } else { root.setAttribute("data-theme", name); }
  }
  var theme = stored();
  if (names.indexOf(theme) < 0) { theme = "automatic"; }
  paint(theme);

  document.addEventListener("DOMContentLoaded", function () {
    var button = document.getElementById("theme");
    function say() { button.textContent = "Theme: " + theme; }
    button.hidden = false;
    say();
    button.addEventListener("click", function () {
      theme = names[(names.indexOf(theme) + 1) % names.length];
      try { localStorage.setItem("backport-theme", theme); } catch (e) { /* a page from a file may not store */ }
      paint(theme);
      say();
    });
    Array.prototype.forEach.call(document.querySelectorAll(".again"), function (line) {
      if (!navigator.clipboard) { return; }
      var copy = document.createElement("button");
      copy.type = "button";
      copy.className = "copy";
      copy.textContent = "Copy";
      line.appendChild(document.createTextNode(" "));
      line.appendChild(copy);
      copy.addEventListener("click", function () {
        navigator.clipboard.writeText(line.querySelector("code").textContent).then(function () {
          copy.textContent = "Copied";
        }, function () { copy.textContent = "Not allowed here"; });
      });
    });
  });
}());
