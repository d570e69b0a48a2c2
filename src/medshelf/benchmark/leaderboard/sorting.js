// Makes the columns of every table sortable by a button in the heading; empty cells stay last.
"use strict";

function valueOf(row, column, numeric) {
  const text = row.cells[column].textContent.trim();
  if (text === "" || text === "–" || text === "—") return null;
  if (!numeric) return text;
  const number = parseFloat(text.replace(/[,<[\s]/g, "").replace("−", "-"));
  return Number.isNaN(number) ? null : number;
}

function compare(one, other, sign) {
  if (one === null || other === null) return (one === null) - (other === null);
  const order = typeof one === "number" ? one - other : one.localeCompare(other);
  return sign * order;
}

function sortBy(table, heading) {
  const numeric = heading.classList.contains("number");
  const before = heading.getAttribute("aria-sort");
  const first = numeric ? "descending" : "ascending";
  const second = numeric ? "ascending" : "descending";
  const order = before === first ? second : first;
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", order);
  const sign = order === "ascending" ? 1 : -1;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => [valueOf(row, heading.cellIndex, numeric), row]);
  rows.sort((one, other) => compare(one[0], other[0], sign));
  body.append(...rows.map((each) => each[1]));
}

for (const table of document.querySelectorAll("table")) {
  if (!table.tHead || table.tBodies[0].rows.length < 2) continue;
  for (const heading of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(table, heading));
    heading.append(button);
  }
}
