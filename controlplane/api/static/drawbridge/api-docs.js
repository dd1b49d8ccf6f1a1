// swagger-ui is dark where <html> says so in its own word; the page's theme says it in ours.
(function () {
  "use strict";
  const root = document.documentElement;
  const follow = () => root.classList.toggle("dark-mode", getComputedStyle(root).colorScheme === "dark");
  follow();
  new MutationObserver(follow).observe(root, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", follow);
})();
