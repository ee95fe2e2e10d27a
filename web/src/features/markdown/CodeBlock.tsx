/**
 * A block of code: coloured once the highlighter has arrived, plain until then and where its language is not known.
 * Scrolls by itself; can be copied.
 */
import type { Root } from "hast";
import { Check, Copy } from "lucide-react";
import { Fragment, useEffect, useState } from "react";
import type { ReactNode } from "react";
import { useT } from "../../i18n/I18nProvider";
import { IconButton } from "../../ui/Button";
import styles from "./CodeBlock.module.css";

/** Above this a block stays plain: colouring is a nicety, not worth a stutter. */
const HIGHLIGHT_CHARS_MAX = 8000;
const COPIED_MS = 1500;

export function CodeBlock({ code, language }: { code: string; language: string | undefined }) {
  const t = useT();
  const tree = useHighlighted(code, language);
  return (
    <div className={styles.block}>
      <pre className={styles.pre} tabIndex={0} role="group" aria-label={language === undefined ? t("code.block") : t("code.blockIn", { language })}>
        <code>{tree === undefined ? code : elementsOf(tree.children)}</code>
      </pre>
      <CopyButton text={code} />
    </div>
  );
}

function CopyButton({ text }: { text: string }) {
  const t = useT();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setCopied(true),
      () => undefined,
    );
  return (
    <span className={styles.copy}>
      <IconButton small label={t(copied ? "action.copied" : "action.copy")} onClick={() => void copy()}>
        {copied ? <Check /> : <Copy />}
      </IconButton>
    </span>
  );
}

function useHighlighted(code: string, language: string | undefined): Root | undefined {
  const [tree, setTree] = useState<Root | undefined>(undefined);
  useEffect(() => {
    setTree(undefined);
    if (language === undefined || code.length > HIGHLIGHT_CHARS_MAX) return;
    let current = true;
    import("./highlight").then(
      ({ highlight }) => {
        if (current) setTree(highlight(code, language));
      },
      () => undefined,
    );
    return () => {
      current = false;
    };
  }, [code, language]);
  return tree;
}

const TOKEN_CLASSES: Readonly<Record<string, string | undefined>> = {
  "hljs-keyword": styles.keyword,
  "hljs-built_in": styles.title,
  "hljs-type": styles.title,
  "hljs-literal": styles.number,
  "hljs-number": styles.number,
  "hljs-string": styles.string,
  "hljs-regexp": styles.string,
  "hljs-symbol": styles.number,
  "hljs-title": styles.title,
  "hljs-name": styles.keyword,
  "hljs-attr": styles.title,
  "hljs-attribute": styles.title,
  "hljs-variable": styles.number,
  "hljs-selector-tag": styles.keyword,
  "hljs-selector-class": styles.title,
  "hljs-meta": styles.comment,
  "hljs-comment": styles.comment,
  "hljs-addition": styles.string,
  "hljs-deletion": styles.keyword,
  "hljs-section": styles.title,
};

function elementsOf(nodes: Root["children"]): ReactNode[] {
  return nodes.map((node, index) => {
    if (node.type === "text") return node.value;
    if (node.type !== "element") return null;
    const names = node.properties.className;
    const known = (Array.isArray(names) ? names : []).map((name) => TOKEN_CLASSES[name]).find((name) => name !== undefined);
    const children = elementsOf(node.children);
    return known === undefined ? <Fragment key={index}>{children}</Fragment> : <span key={index} className={known}>{children}</span>;
  });
}
