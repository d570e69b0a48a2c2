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

  // A picture that cannot be had is a sentence, not a broken icon.
  const tell = (image) => {
    const told = document.createElement("span");
    told.className = "empty";
    told.textContent = image.dataset.broken;
    image.replaceWith(told);
  };
  document.addEventListener("error", ({ target }) => {
    if (target.dataset && target.dataset.broken) tell(target);
  }, true);
  for (const image of document.querySelectorAll("img[data-broken]")) {
    if (image.complete && !image.naturalWidth && image.loading !== "lazy") tell(image);
  }

  // After a swap: say what is there now, and keep the keyboard where it was.
  document.addEventListener("htmx:after:swap", () => {
    const told = document.querySelector("#main [data-announce]");
    document.getElementById("announcement").textContent = told ? told.textContent.trim() : "";
    if (document.activeElement === document.body) {
      document.getElementById("main").focus({ preventScroll: true });
    }
  });
})();
