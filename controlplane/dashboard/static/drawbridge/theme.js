// Before the first paint: the theme that was chosen, or none, which follows the system.
(function () {
  "use strict";
  const chosen = localStorage.getItem("theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
