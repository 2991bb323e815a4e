// Sorts and filters the tables of the page.
// SPDX-License-Identifier: Apache-2.0
"use strict";
const value = (row, column) => {
  const text = row.cells[column].textContent;
  const number = parseFloat(text);
  return Number.isNaN(number) ? text : number;
};
document.querySelectorAll("th button").forEach((button) => {
  button.onclick = () => {
    const head = button.parentElement, column = head.cellIndex, body = head.closest("table").tBodies[0];
    const up = head.getAttribute("aria-sort") === "descending";
    const rows = [...body.rows].filter((row) => row.cells[0].textContent !== "total");
    rows.sort((one, other) => {
      const a = value(one, column), b = value(other, column);
      const order = typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? 1 : -1;
      return up ? order : -order;
    });
    for (const each of head.parentElement.cells) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const total = [...body.rows].find((row) => row.cells[0].textContent === "total");
    body.append(...rows, ...(total ? [total] : []));
  };
});
document.querySelector("input").oninput = (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const row of document.querySelectorAll("tbody tr")) row.hidden = !row.textContent.toLowerCase().includes(wanted);
};
