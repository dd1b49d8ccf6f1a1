// The little that a page does by itself: menu, theme, "/" for the search box, copying.
(function () {
  "use strict";
  const THEMES = ["system", "light", "dark"];
  const root = document.documentElement;

  function showTheme() {
    for (const place of document.querySelectorAll("[data-theme-name]")) {
      place.textContent = root.dataset.theme || "system";
    }
  }

  function nextTheme() {
    const next = THEMES[(THEMES.indexOf(root.dataset.theme || "system") + 1) % THEMES.length];
    if (next === "system") {
      delete root.dataset.theme;
      localStorage.removeItem("theme");
    } else {
      root.dataset.theme = next;
      localStorage.setItem("theme", next);
    }
    showTheme();
  }

  function toggleMenu(button) {
    const open = document.body.classList.toggle("menu-open");
    button.setAttribute("aria-expanded", String(open));
  }

  async function copyFrom(button) {
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(source.value || source.textContent);
    button.textContent = "Copied";
  }

  document.addEventListener("click", function (event) {
    const button = event.target.closest("button");
    if (!button) return;
    if ("themeNext" in button.dataset) nextTheme();
    if ("menu" in button.dataset) toggleMenu(button);
    if ("copy" in button.dataset) copyFrom(button);
  });

  document.addEventListener("keydown", function (event) {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    const find = document.querySelector("[data-find]");
    if (event.key === "/" && !typing && find && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      find.focus();
    }
  });

  // A tab that nobody looks at asks for nothing; it goes on with the next turn after it is looked at again.
  document.addEventListener("htmx:beforeRequest", function (event) {
    const trigger = event.detail.elt.getAttribute("hx-trigger") || "";
    if (document.hidden && trigger.includes("every ")) event.preventDefault();
  });

  // select2 builds its own boxes, without the label of the field that they stand for.
  function nameBoxes() {
    for (const select of document.querySelectorAll("select.admin-autocomplete")) {
      const label = document.querySelector(`label[for="${select.id}"]`);
      const box = select.nextElementSibling;
      if (!label || !box) continue;
      for (const part of box.querySelectorAll('[role="combobox"], [role="textbox"], .select2-search__field')) {
        part.setAttribute("aria-label", label.textContent.replace(/:\s*$/, ""));
        part.removeAttribute("aria-labelledby");
      }
    }
  }

  window.addEventListener("load", function () {
    if (window.django && window.django.jQuery) window.django.jQuery(nameBoxes); // after Django's own turn
  });

  showTheme();
})();
