/**
 * Searching everything the reader may see: results with the words marked, one click from their place.
 * The question is part of the address, so that the way back leads to it.
 */
import { Hourglass, Search, SearchX } from "lucide-react";
import { useCallback, useEffect, useMemo, useState } from "react";
import type { SearchItem, SearchPage as SearchPageBody } from "../../sync/api";
import { useI18n, useT } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { Banner, EmptyState, SkeletonRows } from "../../ui/Feedback";
import { TextField } from "../../ui/Field";
import { useClient, useStore } from "../context/client";
import { errorText } from "../context/errors";
import { Link, useGo } from "../context/navigation";
import { useNow } from "../context/time";
import { usePages } from "../context/usePages";
import { PersonAvatar, nameOf, titleOf, usePeople } from "../people/people";
import { PageHeader, ScrollPage } from "../shell/PageHeader";
import styles from "./SearchPage.module.css";

const PAUSE_MS = 250;
const FILTERS = ["from:", "in:", "before:", "after:", "has:file"] as const;

export default function SearchPage({ query }: { query: string }) {
  const { t } = useI18n();
  const go = useGo();
  const [text, setText] = useState(query);
  useEffect(() => setText((before) => (before.trim() === query.trim() ? before : query)), [query]);
  useEffect(() => {
    if (text.trim() === query.trim()) return;
    const timer = setTimeout(() => go({ page: "search", query: text.trim() }, { replace: true }), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, query, go]);
  const addFilter = (filter: string) => setText((before) => `${before.trim()}${before.trim() === "" ? "" : " "}${filter}`);
  return (
    <ScrollPage header={<PageHeader title={t("search.title")} />}>
      <div role="search" className={styles.search}>
        <TextField
          type="search"
          label={t("search.title")}
          labelHidden
          icon={<Search />}
          placeholder={t("search.placeholder")}
          value={text}
          autoFocus
          autoComplete="off"
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <div className={styles.filters} role="group" aria-label={t("search.filters")}>
          {FILTERS.map((filter) => (
            <button key={filter} type="button" className={styles.filter} onClick={() => addFilter(filter)}>
              {filter}
            </button>
          ))}
        </div>
      </div>
      {query.trim() === "" ? (
        <EmptyState icon={<Search />} title={t("search.emptyTitle")}>
          {t("search.emptyText")}
        </EmptyState>
      ) : (
        <Results query={query.trim()} />
      )}
    </ScrollPage>
  );
}

function Results({ query }: { query: string }) {
  const { t } = useI18n();
  const client = useClient();
  const [last, setLast] = useState<Pick<SearchPageBody, "tookMs" | "partial"> | undefined>(undefined);
  const fetchPage = useCallback(
    async (cursor: string | undefined) => {
      const page = await client.search.query(query, cursor === undefined ? {} : { cursor });
      setLast(page);
      return page;
    },
    [client, query],
  );
  const results = usePages(fetchPage);
  const people = usePeople(useMemo(() => [...new Set(results.items.map((item) => item.senderId))], [results.items]));
  if (results.error !== undefined) return <Banner tone="danger">{errorText(results.error, t)}</Banner>;
  if (results.loading && results.items.length === 0) return <SkeletonRows label={t("state.loading")} rows={5} />;
  const partial = last?.partial === true ? <Partial onAgain={results.again} /> : null;
  if (results.items.length === 0) {
    return (
      <>
        {partial}
        <EmptyState icon={<SearchX />} title={t("search.none")}>
          {t("search.noneText")}
        </EmptyState>
      </>
    );
  }
  return (
    <>
      {partial}
      <p className={styles.count} role="status">
        {t("search.count", { count: results.items.length })}
        {last === undefined ? "" : ` · ${t("search.took", { ms: last.tookMs })}`}
      </p>
      <ul role="list" className={styles.results}>
        {results.items.map((item) => (
          <li key={`${item.conversationId}/${item.seq}`}>
            <Result item={item} name={nameOf(people, item.senderId, t)} />
          </li>
        ))}
      </ul>
      {results.hasMore ? (
        <Button busy={results.loading} onClick={results.more}>
          {t("list.more")}
        </Button>
      ) : null}
    </>
  );
}

/** Not everything can be found yet: older messages are still being taken into the index. */
function Partial({ onAgain }: { onAgain: () => void }) {
  const t = useT();
  return (
    <Banner
      tone="info"
      icon={<Hourglass />}
      live
      action={
        <Button small onClick={onAgain}>
          {t("search.again")}
        </Button>
      }
    >
      {t("search.partial")}
    </Banner>
  );
}

function Result({ item, name }: { item: SearchItem; name: string }) {
  const { t, formats } = useI18n();
  const now = useNow();
  const client = useClient();
  const conversation = useStore(client.conversations.list).byId.get(item.conversationId);
  const people = usePeople(conversation?.otherId === undefined ? [] : [conversation.otherId]);
  return (
    <Link className={styles.result} to={{ page: "conversation", conversationId: item.conversationId, at: item.seq }}>
      <PersonAvatar userId={item.senderId} />
      <span className={styles.text}>
        <span className={styles.line}>
          <strong className={styles.name}>{name}</strong>
          <span className={styles.where}>{conversation === undefined ? "" : t("search.in", { title: titleOf(conversation, people, t) })}</span>
          <time className={styles.when} dateTime={item.sentAt} title={formats.exact(item.sentAt)}>
            {formats.day(item.sentAt, now)}, {formats.time(item.sentAt)}
          </time>
        </span>
        <span className={styles.snippet} dir="auto">
          {item.snippet.map((part, index) => (part.hit ? <mark key={index}>{part.text}</mark> : <span key={index}>{withoutMarks(part.text)}</span>))}
        </span>
      </span>
    </Link>
  );
}

/** Signs of emphasis and code around words say nothing in a line of plain text. */
function withoutMarks(text: string): string {
  return text.replace(/\*\*|~~|`+|(?<!\w)__|__(?!\w)/gu, "");
}
