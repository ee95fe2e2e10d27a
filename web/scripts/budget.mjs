/**
 * The size budget: what a browser loads before the timeline shows, compressed.
 * Fails the build above it; what loads lazily is printed for information.
 */
import { readFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";

const FIRST_LOAD_BYTES_MAX = 200 * 1024;

const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));

/** The files of one entry with everything it imports at once; `roots` are loaded before the timeline although split. */
function closure(roots) {
  const seen = new Set();
  const visit = (key) => {
    if (seen.has(key)) return;
    seen.add(key);
    (manifest[key].imports ?? []).forEach(visit);
  };
  roots.forEach(visit);
  return [...seen].map((key) => manifest[key].file).filter((file) => file.endsWith(".js"));
}

const sizes = (file) => {
  const bytes = readFileSync(new URL(file, dist));
  return { gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes).length };
};

const entries = Object.keys(manifest).filter((key) => manifest[key].isEntry);
const beforeTimeline = Object.keys(manifest).filter((key) => key === "src/features/shell/Workspace.tsx");
const first = closure([...entries, ...beforeTimeline]);
const total = first.map(sizes).reduce((sum, size) => ({ gzip: sum.gzip + size.gzip, brotli: sum.brotli + size.brotli }));
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

console.log(`first load: ${first.length} scripts, ${kib(total.gzip)} gzip, ${kib(total.brotli)} brotli (at most ${kib(FIRST_LOAD_BYTES_MAX)} brotli, which is what the server sends)`);
const lazy = Object.values(manifest).filter((chunk) => chunk.file.endsWith(".js") && !first.includes(chunk.file));
for (const chunk of lazy) console.log(`  lazy ${chunk.file}: ${kib(sizes(chunk.file).gzip)} gzip`);
if (total.brotli > FIRST_LOAD_BYTES_MAX) {
  console.error("The first load is above its budget: split something, or use something smaller.");
  process.exit(1);
}
