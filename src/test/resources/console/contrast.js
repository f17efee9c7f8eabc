// The texts that are seen and have less contrast to what is behind them than WCAG AA asks for.
(() => {
  const parse = colour => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return {r, g, b, a};
  };
  const over = (top, below) => Object.fromEntries([...'rgb'].map(c => [c, top[c] * top.a + below[c] * (1 - top.a)]).concat([['a', 1]]));
  const behind = element => {
    const layers = [];
    for (let e = element; e !== null; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      layers.push(colour);
      if (colour.a === 1) {
        break;
      }
    }
    return layers.reduceRight((below, top) => over(top, below), {r: 255, g: 255, b: 255, a: 1});
  };
  const luminance = ({r, g, b}) => {
    const [x, y, z] = [r, g, b].map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  let seen = 0;
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === '' || !element.checkVisibility() || element.closest('noscript, option')) {
      continue;
    }
    seen++;
    const style = getComputedStyle(element);
    const back = behind(element);
    const ratio = contrast(over(parse(style.color), back), back);
    const size = parseFloat(style.fontSize);
    if (ratio < (size >= 24 || size >= 18.66 && style.fontWeight >= 700 ? 3 : 4.5)) {
      found.push(`${node.data.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
    }
  }
  if (seen < 20) {
    found.push(`only ${seen} texts are seen`);
  }
  return found;
})()
