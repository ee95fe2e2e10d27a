/** Whatever is written, only known elements with known attributes come of it, and only harmless links. */
import { renderToStaticMarkup } from "react-dom/server";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Account, User } from "../../sync/api";
import { TooltipProvider } from "../../ui/Tooltip";
import { AccountProvider } from "../context/client";
import { NavigationProvider } from "../context/navigation";
import { Markdown } from "./Markdown";

const account: Account = { userId: "me", username: "me", displayName: "Me", role: "member", createdAt: "2026-01-31T09:00:00.000Z" };
const people = new Map<string, User>([["ada", { userId: "ada", username: "ada", displayName: "Ada <b>L</b>" }]]);
const navigation = { location: { subscribe: () => () => undefined, getSnapshot: () => "/" }, navigate: () => undefined, back: () => undefined };

function render(source: string, mentions: readonly string[] = []): string {
  return renderToStaticMarkup(
    <NavigationProvider navigation={navigation}>
      <AccountProvider account={account}>
        <TooltipProvider>
          <Markdown source={source} mentions={mentions} people={people} />
        </TooltipProvider>
      </AccountProvider>
    </NavigationProvider>,
  );
}

beforeEach(() => {
  vi.stubGlobal("window", { location: { origin: "http://app" } });
});

const ELEMENTS = new Set(
  "div p strong em del code pre ul ol li blockquote hr br a span table thead tbody tr th td button svg path rect".split(" "),
);
const ATTRIBUTES = new Set(
  (
    "class dir href target rel tabindex role aria-label aria-hidden type start scope data-depth data-state xmlns width height viewBox fill " +
    "stroke stroke-width stroke-linecap stroke-linejoin d x y rx ry key"
  ).split(" "),
);

const ATTEMPTS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "![x](javascript:alert(1))",
  "![x\" onerror=\"alert(1)](https://example.org/x.png)",
  "[x](javascript:alert(1))",
  "[x](  JaVaScRiPt:alert(1))",
  "[x](data:text/html;base64,PHNjcmlwdD4=)",
  "[x](https://example.org/\" onmouseover=\"alert(1))",
  "<https://example.org/\"><script>alert(1)</script>>",
  "https://example.org/?<script>alert(1)</script>",
  "`<b onclick=alert(1)>`",
  "```html\n<script>alert(1)</script>\n```",
  "```\" onload=\"alert(1)\nx\n```",
  "> <iframe src=//x>",
  "- <svg/onload=alert(1)>",
  "| <b> | [x](vbscript:y) |\n|---|---|\n| <i onclick=1> | c |",
  "# <style>*{display:none}</style>",
  "&lt;script&gt;alert(1)&lt;/script&gt;",
  "[ref]: javascript:alert(1)\n\n[ref]",
  "@ada <b>",
];

describe("rendered markdown", () => {
  it.each(ATTEMPTS)("is harmless: %j", (source) => {
    const html = render(source, ["ada"]);
    for (const [, name = "", attributes = ""] of html.matchAll(/<([a-z][a-z0-9]*)((?:\s+[^\s=>"]+(?:="[^"]*")?)*)\s*\/?>/giu)) {
      expect(ELEMENTS).toContain(name);
      for (const [, attribute = ""] of attributes.matchAll(/\s([^\s=]+)(?:="[^"]*")?/gu)) expect(ATTRIBUTES).toContain(attribute);
    }
    for (const [, href = ""] of html.matchAll(/href="([^"]*)"/gu)) expect(href).toMatch(/^(?:https?:\/\/|mailto:|\/)/u);
    expect(html.match(/<[a-z]/giu)?.length).toBe([...html.matchAll(/<([a-z][a-z0-9]*)((?:\s+[^\s=>"]+(?:="[^"]*")?)*)\s*\/?>/giu)].length);
  });

  it("opens others' links elsewhere, and its own here", () => {
    expect(render("https://example.org/a")).toContain('target="_blank" rel="noopener noreferrer nofollow ugc"');
    const own = render("[there](http://app/c/x?at=7)");
    expect(own).toContain('href="/c/x?at=7"');
    expect(own).not.toContain("target");
    expect(render("http://app/v1/attachments/x")).toContain('target="_blank"');
  });

  it("names who is mentioned, and nobody else", () => {
    expect(render("@ada and @bob", ["ada"])).toContain("@Ada &lt;b&gt;L&lt;/b&gt;</span> and @bob");
    expect(render("@ada")).toContain(">@ada<");
  });

  it("keeps line breaks, and the marks of lists and code", () => {
    expect(render("a\nb")).toContain("a\nb");
    expect(render("3. c\n4. d")).toContain('<ol start="3"><li>c</li><li>d</li></ol>');
    expect(render("```js\nlet a;\n```")).toContain("<code>let a;</code>");
  });
});
