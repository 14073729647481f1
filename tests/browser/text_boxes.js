// Measures every text of a page, and lists the texts that a reader can't read whole: [what is wrong, the text, where].
() => {
  const SLACK = 1.5; // Pixels: boxes end between two pixels.
  const LONGEST_WORD = 20; // Longer ones, such as ARNs and keys, may be broken where they don't fit.
  const BREAKABLE = /[\s\u200b\-/–—?&=.,:;@_|…]/;
  const faults = [];
  const seen = new Set();

  const style = (element) => getComputedStyle(element);
  const report = (what, text, element) => {
    const key = `${what}: ${text}`;
    if (seen.has(key)) return;
    seen.add(key);
    faults.push([what, text, describe(element)]);
  };

  const describe = (element) => {
    const names = [];
    for (let one = element; one && one !== document.body && names.length < 4; one = one.parentElement) {
      const first = [...one.classList].find((name) => !name.startsWith("awsui")) ?? one.classList[0]?.replace(/_[\w]{5}_.*/, "") ?? "";
      names.unshift(one.tagName.toLowerCase() + (one.id ? `#${one.id}` : "") + (first ? `.${first}` : ""));
    }
    return names.join(" > ");
  };

  /** Read by screen readers only, not drawn at all, or behind something that is open. */
  const isHidden = (element) => {
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return true;
    for (let one = element; one; one = one.parentElement) {
      const { clipPath, clip, position } = style(one);
      if (clipPath !== "none" && clipPath !== "") return true;
      if (position === "absolute" && clip !== "auto") return true;
      const box = one.getBoundingClientRect();
      if (position === "absolute" && (box.width <= 1 || box.height <= 1 || box.right <= 0)) return true;
      if (one.getAttribute("aria-hidden") === "true" && one.getAttribute("role") !== "img") return true;
    }
    return false;
  };

  /** Cloudscape shows the whole text of a breadcrumb in a tooltip. */
  const hasTitle = (element) => element.closest("[title], nav[aria-label='Breadcrumbs']") !== null;

  /** The element whose box the text is set in. */
  const findBox = (element) => {
    let one = element;
    while (style(one).display.startsWith("inline") && style(one).display !== "inline-block" && style(one).display !== "inline-flex" && one.parentElement) one = one.parentElement;
    return one;
  };

  const clips = (value) => value === "hidden" || value === "clip";
  const scrolls = (value) => value === "auto" || value === "scroll";

  const checkRectangle = (rect, text, element) => {
    const box = findBox(element).getBoundingClientRect();
    if (rect.right > box.right + SLACK && style(findBox(element)).overflowX === "visible") report("wider than its box", text, element);
    for (let one = element; one && one !== document.documentElement; one = one.parentElement) {
      const { overflowX, overflowY, position } = style(one);
      const border = one.getBoundingClientRect();
      if (clips(overflowX) && (rect.right > border.right + SLACK || rect.left < border.left - SLACK)) {
        if (!hasTitle(element)) report("cut off at the side", text, element);
        return;
      }
      if (clips(overflowY) && border.height > 0 && (rect.bottom > border.bottom + rect.height / 4 || rect.top < border.top - rect.height / 4)) {
        report("cut off above or below", text, element);
        return;
      }
      if (scrolls(overflowX) && one.scrollWidth > one.clientWidth) return;
      if (position === "fixed") break;
    }
    if (rect.right > document.documentElement.clientWidth + SLACK || rect.left < -SLACK) report("beyond the window", text, element);
  };

  const checkWords = (node, element) => {
    const text = node.data;
    for (const { 0: word, index } of text.matchAll(/[^\s\u200b]+/g)) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const lines = [...range.getClientRects()].filter((one) => one.width > 0);
      if (new Set(lines.map((one) => Math.round(one.top))).size < 2) continue;
      const part = findBrokenPart(node, index, word);
      if (part && part.length <= LONGEST_WORD) report("broken in the middle", part, element);
    }
  };

  /** The piece without a place to break that is on two lines, if there is one. */
  const findBrokenPart = (node, index, word) => {
    const range = document.createRange();
    const top = (at) => {
      range.setStart(node, at);
      range.setEnd(node, at + 1);
      return Math.round(range.getClientRects()[0]?.top ?? 0);
    };
    for (let at = 1; at < word.length; at += 1) {
      if (top(index + at) <= top(index + at - 1) + 3) continue;
      if (BREAKABLE.test(word[at - 1]) || BREAKABLE.test(word[at])) continue;
      const begin = Math.max(...[...word.slice(0, at)].map((one, place) => (BREAKABLE.test(one) ? place + 1 : 0)));
      const rest = word.slice(at).search(BREAKABLE);
      return word.slice(begin, rest === -1 ? undefined : at + rest);
    }
    return null;
  };

  const canvas = document.createElement("canvas").getContext("2d");
  const checkPlaceholder = (field) => {
    if (!field.placeholder || field.value || isHidden(field)) return;
    const { font, paddingLeft, paddingRight } = style(field);
    canvas.font = font;
    const room = field.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
    if (canvas.measureText(field.placeholder).width > room + SLACK) report("a placeholder that is cut off", field.placeholder, field);
  };

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || element.closest("script, style, noscript, textarea, option") || isHidden(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const text = node.data.trim().slice(0, 80);
    for (const rect of range.getClientRects()) if (rect.width > 0) checkRectangle(rect, text, element);
    if (!element.closest("pre, code, .policy")) checkWords(node, element);
  }
  document.querySelectorAll("input[placeholder]").forEach(checkPlaceholder);
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth) report("a page that scrolls sideways", location.pathname, document.body);
  return faults;
}
