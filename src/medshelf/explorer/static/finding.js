"use strict";
// Search in the list of a static site: every word must occur in what a dataset is called.
(() => {
  const form = document.getElementById("finding");
  const rows = [...document.querySelectorAll("#list tr")];
  const words = document.getElementById("q");
  const choices = [...form.querySelectorAll("select")];
  const fold = (text) => text.normalize("NFKC").toLowerCase();
  let index = {};

  const holds = (row, wanted) => {
    const known = index[row.dataset.id];
    const text = known ? known.words : fold(row.textContent);
    return wanted.every((each) => text.includes(each));
  };
  const meets = (row) => choices.every((each) => {
    const known = index[row.dataset.id];
    return each.value === "" || !known || known[each.dataset.facet].includes(each.value);
  });
  const show = () => {
    const wanted = fold(words.value).split(/\s+/).filter(Boolean);
    let n = 0;
    for (const row of rows) {
      row.hidden = !(holds(row, wanted) && meets(row));
      n += row.hidden ? 0 : 1;
    }
    document.getElementById("n").textContent = n;
  };

  form.hidden = false;
  form.addEventListener("input", show);
  // Where the page was opened as a file no index can be read: then the rows alone are searched.
  fetch(form.dataset.index).then((answer) => answer.json()).then((found) => {
    index = found;
    show();
  }).catch(() => {
    for (const each of choices) each.parentElement.hidden = true;
  });
})();
