/**
 * A message's text as elements, node by node: no string of markup is ever made.
 * Links are followed only where their scheme is known to be harmless; everything unknown is shown as its text.
 */
import type { AlignType, Nodes, Parent, Table } from "mdast";
import { Fragment, memo, useMemo } from "react";
import type { ReactNode } from "react";
import type { UserId } from "../../sync/api";
import { classes } from "../../ui/classes";
import { useAccount } from "../context/client";
import { Link } from "../context/navigation";
import { parseRoute } from "../context/route";
import type { People } from "../people/people";
import { CodeBlock } from "./CodeBlock";
import styles from "./Markdown.module.css";
import { isJumbo, parseMarkdown, safeUrl, splitMentions } from "./parse";

export interface MarkdownProps {
  source: string;
  /** Who is really mentioned: other `@names` are plain text. */
  mentions: readonly UserId[];
  people: People;
}

export const Markdown = memo(function Markdown({ source, mentions, people }: MarkdownProps) {
  const account = useAccount();
  const names = useMemo(() => mentionNames(mentions, people), [mentions, people]);
  const root = parseMarkdown(source);
  const context: Context = { names, me: account.userId };
  return (
    <div className={classes(styles.markdown, isJumbo(source) && styles.jumbo)} dir="auto">
      {childrenOf(root, context)}
    </div>
  );
});

interface Context {
  readonly names: ReadonlyMap<string, { userId: UserId; displayName: string }>;
  readonly me: UserId;
}

function mentionNames(mentions: readonly UserId[], people: People): Context["names"] {
  const users = mentions.flatMap((userId) => people.get(userId) ?? []);
  return new Map(users.map((user) => [user.username.toLowerCase(), user]));
}

function childrenOf(parent: Parent, context: Context): ReactNode[] {
  return parent.children.map((child, index) => <Fragment key={index}>{nodeOf(child, context)}</Fragment>);
}

function nodeOf(node: Nodes, context: Context): ReactNode {
  switch (node.type) {
    case "text":
      return <Text value={node.value} context={context} />;
    case "paragraph":
      return <p>{childrenOf(node, context)}</p>;
    case "emphasis":
      return <em>{childrenOf(node, context)}</em>;
    case "strong":
      return <strong>{childrenOf(node, context)}</strong>;
    case "delete":
      return <del>{childrenOf(node, context)}</del>;
    case "inlineCode":
      return <code className={styles.code}>{node.value}</code>;
    case "break":
      return <br />;
    case "code":
      return <CodeBlock code={node.value} language={node.lang ?? undefined} />;
    case "blockquote":
      return <blockquote className={styles.quote}>{childrenOf(node, context)}</blockquote>;
    case "heading":
      return (
        <p className={styles.heading} data-depth={node.depth}>
          {childrenOf(node, context)}
        </p>
      );
    case "list":
      return node.ordered === true ? (
        <ol start={node.start ?? 1}>{childrenOf(node, context)}</ol>
      ) : (
        <ul>{childrenOf(node, context)}</ul>
      );
    case "listItem":
      return <li>{node.spread === true ? childrenOf(node, context) : tightItem(node, context)}</li>;
    case "thematicBreak":
      return <hr className={styles.rule} />;
    case "link":
      return <SafeLink address={node.url}>{childrenOf(node, context)}</SafeLink>;
    case "table":
      return <TableView table={node} context={context} />;
    default:
      return "children" in node ? childrenOf(node, context) : "value" in node ? node.value : null;
  }
}

/** In a list without blank lines an item's paragraph is its text. */
function tightItem(item: Parent, context: Context): ReactNode[] {
  return item.children.map((child, index) => (
    <Fragment key={index}>{child.type === "paragraph" ? childrenOf(child, context) : nodeOf(child, context)}</Fragment>
  ));
}

function Text({ value, context }: { value: string; context: Context }): ReactNode {
  if (!value.includes("@") || context.names.size === 0) return value;
  return splitMentions(value).map((piece, index) => {
    if ("text" in piece) return <Fragment key={index}>{piece.text}</Fragment>;
    const user = context.names.get(piece.username.toLowerCase());
    if (user === undefined) return <Fragment key={index}>@{piece.username}</Fragment>;
    return (
      <span key={index} className={classes(styles.mention, user.userId === context.me && styles.mentionsMe)}>
        @{user.displayName}
      </span>
    );
  });
}

function SafeLink({ address, children }: { address: string; children: ReactNode }) {
  const href = safeUrl(address);
  if (href === undefined) return <span>{children}</span>;
  const url = new URL(href);
  if (url.origin === window.location.origin && !url.pathname.startsWith("/v1/")) {
    return <Link to={parseRoute(url.pathname + url.search)}>{children}</Link>;
  }
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow ugc">
      {children}
    </a>
  );
}

function TableView({ table, context }: { table: Table; context: Context }) {
  const [head, ...rows] = table.children;
  const cell = (index: number) => alignment(table.align?.[index]);
  return (
    <div className={styles.tableScroll} tabIndex={0} role="group">
      <table className={styles.table}>
        <thead>
          <tr>
            {head?.children.map((column, index) => (
              <th key={index} className={cell(index)} scope="col">
                {childrenOf(column, context)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.children.map((column, at) => (
                <td key={at} className={cell(at)}>
                  {childrenOf(column, context)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function alignment(align: AlignType | undefined): string | undefined {
  return align === "right" ? styles.end : align === "center" ? styles.center : undefined;
}
