/**
 * One conversation: its header, its timeline, the composer, and the panel with its members.
 * Ties the parts together; each of them asks the core for itself.
 */
import { BellOff, Search, UsersRound } from "lucide-react";
import { Suspense, lazy, useEffect, useMemo, useRef, useState } from "react";
import type { DragEvent } from "react";
import type { Conversation, Timeline, UserPresence } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import { IconButton } from "../../ui/Button";
import { useToast } from "../../ui/Toasts";
import { Composer } from "../composer/Composer";
import type { ComposerHandle } from "../composer/Composer";
import { useClient, useStore } from "../context/client";
import { codeText } from "../context/errors";
import { useGo } from "../context/navigation";
import type { Route } from "../context/route";
import { useNow } from "../context/time";
import { presenceText, titleOf, usePeople, usePresence } from "../people/people";
import { PageHeader } from "../shell/PageHeader";
import type { MessageActions } from "../timeline/actions";
import type { Opened } from "../timeline/MessageDialogs";
import { TimelineView } from "../timeline/TimelineView";
import { ConversationAvatar } from "./ConversationRow";
import { ConversationMenu } from "./ConversationMenu";
import styles from "./ConversationPage.module.css";

const MembersPanel = lazy(() => import("../members/MembersPanel"));
const MessageDialogs = lazy(() => import("../timeline/MessageDialogs"));

type ConversationRoute = Extract<Route, { page: "conversation" }>;

export function ConversationPage({ route }: { route: ConversationRoute }) {
  const client = useClient();
  const { conversationId } = route;
  const conversation = useStore(client.conversations.list).byId.get(conversationId);
  const timeline = useTimeline(route);
  const composer = useRef<ComposerHandle>(null);
  const [opened, setOpened] = useState<Opened | undefined>(undefined);
  const actions = useMemo<MessageActions>(
    () => ({
      reply: (item) => composer.current?.reply(item),
      edit: (item) => composer.current?.edit(item),
      remove: (item) => setOpened({ kind: "remove", item }),
      showReaders: (item) => setOpened({ kind: "readers", item }),
      showVersions: (item) => setOpened({ kind: "versions", item }),
      showReactions: (item) => setOpened({ kind: "reactions", item }),
      showAuthor: (item) => setOpened({ kind: "author", item }),
    }),
    [],
  );
  useRefusals(conversationId);
  useComposerFocus(composer, conversationId);
  const drop = useDrop((files) => client.uploads.add(conversationId, files), conversation !== undefined);
  return (
    <div className={styles.page}>
      <section className={styles.main} {...drop.handlers}>
        <Header conversation={conversation} route={route} />
        {timeline === undefined ? null : <TimelineView timeline={timeline} conversation={conversation} actions={actions} />}
        {conversation === undefined ? null : (
          <Composer key={conversationId} ref={composer} conversation={conversation} timeline={timeline} />
        )}
        {drop.over ? <DropHint /> : null}
      </section>
      <Suspense fallback={null}>
        {route.panel === "members" && conversation !== undefined ? <MembersPanel conversation={conversation} /> : null}
        {opened === undefined ? null : (
          <MessageDialogs opened={opened} conversationId={conversationId} onClose={() => setOpened(undefined)} />
        )}
      </Suspense>
    </div>
  );
}

function Header({ conversation, route }: { conversation: Conversation | undefined; route: ConversationRoute }) {
  const { t } = useI18n();
  const go = useGo();
  const otherId = conversation?.otherId;
  const people = usePeople(otherId === undefined ? [] : [otherId]);
  const presence = usePresence(otherId === undefined ? [] : [otherId]);
  const subtitle = useSubtitle(conversation, presence.get(otherId ?? ""));
  if (conversation === undefined) return <PageHeader title={t("conversation.title")} />;
  const title = titleOf(conversation, people, t);
  const panelOpen = route.panel === "members";
  const togglePanel = () =>
    go({ page: "conversation", conversationId: route.conversationId, ...(panelOpen ? {} : { panel: "members" }) }, { replace: true });
  return (
    <PageHeader
      title={title}
      subtitle={subtitle}
      lead={<ConversationAvatar conversation={conversation} people={people} presence={presence.get(otherId ?? "")?.status} />}
    >
      {conversation.preferences.muted ? (
        <span role="img" aria-label={t("conversation.muted")} className={styles.muted}>
          <BellOff aria-hidden="true" />
        </span>
      ) : null}
      <IconButton label={t("search.here")} onClick={() => go({ page: "search", query: `in:${quoted(conversation.title ?? conversation.conversationId)} ` })}>
        <Search />
      </IconButton>
      <IconButton label={t("members.title")} active={panelOpen} onClick={togglePanel}>
        <UsersRound />
      </IconButton>
      <ConversationMenu conversation={conversation} title={title} />
    </PageHeader>
  );
}

function quoted(text: string): string {
  return /[\s"]/u.test(text) ? `"${text.replaceAll('"', "")}"` : text;
}

/** What somebody says about themselves, or when they were here; else what the conversation is for. */
function useSubtitle(conversation: Conversation | undefined, presence: UserPresence | undefined): string {
  const i18n = useI18n();
  const { t } = i18n;
  const now = useNow();
  const people = useStore(useClient().users.all);
  if (conversation === undefined) return "";
  if (conversation.otherId === undefined) {
    const count = t("members.count", { count: conversation.memberCount });
    return conversation.description === undefined ? count : `${count} · ${conversation.description}`;
  }
  const status = people.get(conversation.otherId)?.status;
  const said = [status?.emoji, status?.text].filter(Boolean).join(" ");
  const there = presenceText(presence, now, i18n);
  return [there, said].filter(Boolean).join(" · ");
}

/** The timeline of this page: opened with it, moved with its address, closed with it. */
function useTimeline({ conversationId, at }: ConversationRoute): Timeline | undefined {
  const client = useClient();
  const [timeline, setTimeline] = useState<Timeline | undefined>(undefined);
  const first = useRef(at);
  const shown = useRef(at);
  useEffect(() => {
    const opened = client.openTimeline(conversationId, first.current === undefined ? {} : { at: first.current });
    setTimeline(opened);
    return () => {
      setTimeline(undefined);
      opened.close();
    };
  }, [client, conversationId]);
  useEffect(() => {
    if (timeline === undefined || at === undefined || shown.current === at) return;
    shown.current = at;
    void timeline.jumpTo(at);
  }, [timeline, at]);
  return timeline;
}

/** A toast for each change that the server refused. */
function useRefusals(conversationId: string): void {
  const { messages } = useClient();
  const { t } = useI18n();
  const toast = useToast();
  useEffect(
    () =>
      messages.onRefused((refused) => {
        if (refused.conversationId !== conversationId) return;
        toast({ text: codeText(refused.error.code, refused.error.message, t), tone: "danger" });
      }),
    [messages, conversationId, t, toast],
  );
}

/** On a device with a keyboard one can write at once, and typing anywhere goes to the composer. */
function useComposerFocus(composer: { readonly current: ComposerHandle | null }, conversationId: string): void {
  useEffect(() => {
    if (window.matchMedia("(pointer: coarse)").matches) return;
    const frame = requestAnimationFrame(() => {
      if (document.querySelector("[role=dialog], [role=alertdialog]") === null) composer.current?.focus();
    });
    const onKey = (event: KeyboardEvent) => {
      const typing = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
      const idle = document.activeElement === document.body || document.activeElement?.id === "page";
      if (typing && idle) composer.current?.focus();
    };
    window.addEventListener("keydown", onKey);
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener("keydown", onKey);
    };
  }, [composer, conversationId]);
}

function useDrop(onFiles: (files: readonly File[]) => void, enabled: boolean) {
  const [depth, setDepth] = useState(0);
  const hasFiles = (event: DragEvent) => enabled && event.dataTransfer.types.includes("Files");
  const handlers = {
    onDragEnter: (event: DragEvent) => {
      if (hasFiles(event)) setDepth((before) => before + 1);
    },
    onDragLeave: (event: DragEvent) => {
      if (hasFiles(event)) setDepth((before) => Math.max(0, before - 1));
    },
    onDragOver: (event: DragEvent) => {
      if (hasFiles(event)) event.preventDefault();
    },
    onDrop: (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setDepth(0);
      onFiles([...event.dataTransfer.files]);
    },
  };
  return { over: depth > 0, handlers };
}

function DropHint() {
  const { t } = useI18n();
  return <div className={styles.drop}>{t("composer.drop")}</div>;
}
