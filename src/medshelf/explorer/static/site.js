"use strict";
// What all pages share: theme, keys, and what htmx leaves to do. Every page works without it.
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];

  // Things that only work here are hidden until now.
  all(".script").forEach((each) => { each.hidden = false; });
  const choice = document.getElementById("theme");
  choice.value = theme.get();
  choice.addEventListener("change", () => theme.set(choice.value));

  // Keys: an element with data-key="j ArrowRight" is followed, pressed or focused by these keys.
  const keyed = () => all("[data-key]").filter((each) => !each.closest("[hidden]"));
  const writes = (element) =>
    element.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
  const act = (element) => {
    if (element.matches("input, select, textarea")) element.focus();
    else element.click();
  };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    if (writes(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const found = keyed().find((each) => each.dataset.key.split(" ").includes(event.key));
    if (!found) return;
    event.preventDefault();
    act(found);
  });

  // Help: what has a key on this page. Without scripts its link leads to a page about keys.
  const dialog = document.getElementById("keys");
  const name = (each) =>
    each.dataset.keyName ?? each.ariaLabel ?? (each.labels?.[0] ?? each).textContent.trim();
  document.querySelector('[data-key="?"]').addEventListener("click", (event) => {
    event.preventDefault();
    const rows = keyed().flatMap((each) => {
      const [term, fact] = ["dt", "dd"].map((tag) => document.createElement(tag));
      for (const key of each.dataset.key.split(" ")) {
        term.append(Object.assign(document.createElement("kbd"), { textContent: key }), " ");
      }
      fact.textContent = name(each);
      return [term, fact];
    });
    dialog.querySelector("dl").replaceChildren(...rows);
    dialog.showModal();
  });

  // An address holds only what was chosen.
  document.addEventListener("formdata", ({ formData }) => {
    for (const [field, value] of [...formData]) if (value === "") formData.delete(field);
  });

  // Letters on their way to a Chinese word are no search yet.
  document.addEventListener("input", (event) => {
    if (event.isComposing) event.stopPropagation();
  }, true);
  document.addEventListener("compositionend", (event) => {
    event.target.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // What scrolls sideways is reached by the keyboard; what does not is no stop on its way.
  const title = (element) => all("main :is(h1, h2, h3)").filter((each) => !each.closest("aside") &&
    each.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING).pop();
  const reach = () => {
    for (const each of all(".scrolls, .command")) {
      if (each.scrollWidth > each.clientWidth) {
        each.tabIndex = 0;
        each.role = "group";
        each.ariaLabel = title(each)?.textContent.trim() ?? "";
      } else {
        for (const name of ["tabindex", "role", "aria-label"]) each.removeAttribute(name);
      }
    }
  };
  addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);
  reach();

  // Who chooses by keyboard goes on from the same link of the page that comes.
  const lists = ".facets, .pager, thead, p.toolbar";
  const places = () => all(lists).flatMap((list) => [...list.querySelectorAll("a[href]")].map((link) => {
    const group = link.closest("section, details:not(.all), th, .pager, p");
    const told = link.rel || (link.querySelector("span") ?? link).textContent.replace(/[▲▼×]/g, "").trim();
    return [`${group.querySelector("h2, summary")?.textContent ?? group.tagName} ${told}`, link];
  }));
  document.addEventListener("click", ({ target }) => {
    const [place] = places().find(([, link]) => link === target && link === document.activeElement) ?? [];
    if (place) sessionStorage.setItem("place", place);
  });
  const place = sessionStorage.getItem("place");
  sessionStorage.removeItem("place");
  const [, again] = places().find(([name]) => name === place) ?? [];
  if (again) again.focus({ preventScroll: Boolean(again.closest(".pager")) });

  // A picture that cannot be had is a sentence, not a broken icon.
  const tell = (image) => {
    const told = document.createElement("span");
    told.className = "empty";
    told.textContent = image.closest("[data-broken]").dataset.broken;
    image.replaceWith(told);
  };
  document.addEventListener("error", ({ target }) => {
    if (target.matches?.("[data-broken] img")) tell(target);
  }, true);
  for (const image of document.querySelectorAll("[data-broken] img")) {
    if (image.complete && !image.naturalWidth && image.loading !== "lazy") tell(image);
  }

  // After a swap: say what is there now, and keep the keyboard where it was.
  document.addEventListener("htmx:after:swap", () => {
    const told = document.querySelector("#main [data-announce]");
    document.getElementById("announcement").textContent = told ? told.textContent.trim() : "";
    if (document.activeElement === document.body) {
      document.getElementById("main").focus({ preventScroll: true });
    }
    reach();
  });
})();
