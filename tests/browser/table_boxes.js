// Measures every table of a page, and lists what a reader can't see of it: [what is wrong, the table].
() => {
  const SLACK = 1.5; // Pixels: boxes end between two pixels.
  const faults = [];
  const style = (element) => getComputedStyle(element);
  const nameOf = (table) => table.getAttribute("aria-label") ?? table.className;
  const report = (what, table) => faults.push([what, nameOf(table)]);

  /** The widest of the boxes around a table that cut it off or scroll it. */
  const checkSideways = (table) => {
    for (let one = table; one && one !== document.body; one = one.parentElement) {
      if (style(one).overflowX === "visible" || one.scrollWidth <= one.clientWidth + 1) continue;
      report(`scrolls sideways by ${one.scrollWidth - one.clientWidth} px`, table);
      return;
    }
  };

  /** By how much the text of a cell is cut off; below zero: how much room the text leaves. */
  const measureCut = (cell) => {
    let cut = 0;
    for (const one of [cell, ...cell.querySelectorAll("*")]) {
      const { overflowX, position } = style(one);
      if (overflowX === "visible" || position === "absolute" || one.clientWidth <= 1) continue;
      cut = Math.max(cut, one.scrollWidth - one.clientWidth);
    }
    if (cut > SLACK) return cut;
    const range = document.createRange();
    range.selectNodeContents(cell);
    const { paddingLeft, paddingRight } = style(cell);
    const room = cell.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
    return Math.min(0, range.getBoundingClientRect().width - room);
  };

  /** A text is cut off although the other columns leave the room for it. */
  const checkCuts = (table) => {
    if (table.tagName !== "TABLE") return; // The tree of accounts has rows of one height, with titles.
    const columns = new Map();
    for (const row of table.querySelectorAll("tr, [role=row]")) {
      const cells = row.querySelectorAll("th, td, [role=gridcell], [role=columnheader]");
      cells.forEach((cell, place) => {
        if (cell.colSpan > 1 || cell.hasAttribute("aria-colspan")) return;
        const cut = measureCut(cell);
        columns.set(place, [...(columns.get(place) ?? []), { cut, text: cell.innerText.trim() }]);
      });
    }
    const spare = [...columns.values()].reduce((sum, cells) => sum - Math.min(0, Math.max(...cells.map(({ cut }) => cut))), 0);
    for (const cells of columns.values())
      for (const { cut, text } of cells) if (cut > SLACK && cut <= spare) report(`cuts ${JSON.stringify(text.slice(0, 60))} off while space is free`, table);
  };

  const checkSticky = (table) => {
    if (innerWidth <= 400 && [...table.querySelectorAll("td, tbody th")].some((cell) => style(cell).position === "sticky")) report("has a column that covers the text of others", table);
  };

  const checkActions = (table) => {
    for (const button of table.querySelectorAll("td :is(button, a), tbody th :is(button, a)")) {
      const { left, right, width } = button.getBoundingClientRect();
      if (width > 1 && (left < -SLACK || right > innerWidth + SLACK)) report(`hides ${JSON.stringify(button.innerText || button.ariaLabel)}`, table);
    }
  };

  /** A time on two lines is hard to compare with the one below it. */
  const checkTimes = (table) => {
    for (const time of table.querySelectorAll("td time, tbody th time")) if (time.getClientRects().length > 1) report(`breaks the time ${JSON.stringify(time.innerText)}`, table);
  };

  /** An account's id on two lines can't be compared, nor found by a double click. */
  const checkIds = (table) => {
    const texts = document.createTreeWalker(table, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode;
      for (const { index } of text.data.matchAll(/(?<![\w:/-])\d{12}(?![\w:/-])/g)) {
        const range = document.createRange();
        range.setStart(text, index);
        range.setEnd(text, index + 12);
        if (new Set([...range.getClientRects()].map(({ top }) => top)).size > 1) report(`breaks the id ${text.data.slice(index, index + 12)}`, table);
      }
    }
  };

  for (const table of document.querySelectorAll("table, [role=treegrid]:not(table)")) {
    if (table.className.includes("code-table")) continue; // The lines of a text with their numbers.
    if (!table.checkVisibility() || table.getBoundingClientRect().width <= 1 || style(table).clipPath !== "none") continue;
    [checkSideways, checkCuts, checkSticky, checkActions, checkTimes, checkIds].forEach((check) => check(table));
  }
  return faults;
}
