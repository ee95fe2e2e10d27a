/**
 * Pictures and files that journeys send: drawn, so that none is kept in the repository.
 * Knows Chromium's own eye for drawing, and nothing of the app.
 */

/** A PNG of what an SVG draws, as bytes. */
export async function draw(browser, svg, width, height) {
  const page = await browser.newPage({ viewport: { width, height } });
  await page.setContent(`<style>body{margin:0}svg{display:block}</style>${svg}`);
  const bytes = await page.screenshot({ type: "png" });
  await page.context().close();
  return bytes;
}

/** Hills before a sky; `hue` tells one from another. */
export function landscape(width, height, hue) {
  const hill = (y, sway, light) =>
    `<path d="M0 ${height} L0 ${y} Q ${width * 0.25} ${y - sway} ${width * 0.5} ${y} T ${width} ${y} L ${width} ${height} Z" fill="hsl(${hue} 38% ${light}%)"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <defs><linearGradient id="sky" x1="0" y1="0" x2="0" y2="1">
      <stop offset="0" stop-color="hsl(${hue + 20} 70% 62%)"/><stop offset="1" stop-color="hsl(${hue + 150} 80% 86%)"/>
    </linearGradient></defs>
    <rect width="100%" height="100%" fill="url(#sky)"/>
    <circle cx="${width * 0.72}" cy="${height * 0.34}" r="${height * 0.1}" fill="#fffbe8"/>
    ${hill(height * 0.62, height * 0.16, 58)}${hill(height * 0.72, -height * 0.12, 44)}${hill(height * 0.86, height * 0.1, 30)}
  </svg>`;
}

/** A face in three shapes, for the picture of a person. */
export function face(hue, hair) {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256" viewBox="0 0 256 256">
    <rect width="256" height="256" fill="hsl(${hue} 55% 72%)"/>
    <path d="M40 256c0-52 40-84 88-84s88 32 88 84z" fill="hsl(${hue + 180} 42% 46%)"/>
    <path d="M74 ${hair === "long" ? 210 : 130}C52 60 92 34 128 34s76 26 54 ${hair === "long" ? 176 : 96}z" fill="hsl(${hue - 150} 30% 24%)"/>
    <circle cx="128" cy="118" r="52" fill="#f0c9a6"/>
    <path d="M76 108c10-34 34-42 54-42s44 8 52 42c-30-2-42-16-52-26-12 14-30 24-54 26z" fill="hsl(${hue - 150} 30% 24%)"/>
    <circle cx="108" cy="122" r="6" fill="#3b2a20"/><circle cx="148" cy="122" r="6" fill="#3b2a20"/>
    <path d="M108 144q20 16 40 0" fill="none" stroke="#8c4a3a" stroke-width="6" stroke-linecap="round"/>
  </svg>`;
}

/** The smallest document a PDF reader opens: one page with one line. */
export function pdf(line) {
  const text = `BT /F1 24 Tf 72 720 Td (${line}) Tj ET`;
  return Buffer.from(
    "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n" +
      "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n" +
      `4 0 obj<</Length ${text.length}>>stream\n${text}\nendstream endobj\n` +
      "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
  );
}

/** Files as Playwright hands them over. */
export const png = (name, buffer) => ({ name, mimeType: "image/png", buffer });
export const document = (name, buffer) => ({ name, mimeType: "application/pdf", buffer });

/** Lets go of files over the page, as a desktop does. */
export async function drop(page, selector, files) {
  await withFiles(page, selector, files, (element, data) => {
    for (const type of ["dragenter", "dragover", "drop"]) {
      element.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    }
  });
}

/** Pastes files into a field, as a screenshot tool does. */
export async function paste(page, selector, files) {
  await withFiles(page, selector, files, (element, data) => {
    element.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  });
}

async function withFiles(page, selector, files, act) {
  const given = files.map(({ name, mimeType, buffer }) => ({ name, mimeType, base64: buffer.toString("base64") }));
  const data = await page.evaluateHandle((all) => {
    const transfer = new DataTransfer();
    for (const { name, mimeType, base64 } of all) {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      transfer.items.add(new File([bytes], name, { type: mimeType }));
    }
    return transfer;
  }, given);
  const element = await page.locator(selector).first().elementHandle();
  await element.evaluate(act, data);
  await data.dispose();
}
