/**
 * The public channels: find, look, join.
 * Shows those one is in as well, so that nothing seems to be missing.
 */
import { Hash, Search } from "lucide-react";
import { useCallback, useState } from "react";
import type { ChannelItem } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import { Avatar } from "../../ui/Avatar";
import { Button } from "../../ui/Button";
import { Banner, EmptyState, SkeletonRows } from "../../ui/Feedback";
import { TextField } from "../../ui/Field";
import { useClient } from "../context/client";
import { errorText } from "../context/errors";
import { useGo } from "../context/navigation";
import { useNow } from "../context/time";
import { useAction } from "../context/useAction";
import { usePages } from "../context/usePages";
import { PageHeader, ScrollPage } from "../shell/PageHeader";
import styles from "./BrowseChannels.module.css";

export default function BrowseChannels() {
  const { t } = useI18n();
  const client = useClient();
  const [text, setText] = useState("");
  const fetchPage = useCallback((cursor: string | undefined) => client.conversations.browseChannels(cursor), [client]);
  const channels = usePages(fetchPage);
  const wanted = text.trim().toLocaleLowerCase();
  const shown = channels.items.filter((item) => `${item.title} ${item.description ?? ""}`.toLocaleLowerCase().includes(wanted));
  return (
    <ScrollPage header={<PageHeader title={t("channels.title")} subtitle={t("channels.subtitle")} />}>
      <TextField label={t("channels.find")} labelHidden icon={<Search />} placeholder={t("channels.find")} value={text} onChange={(event) => setText(event.currentTarget.value)} />
      {channels.error === undefined ? null : <Banner tone="danger">{errorText(channels.error, t)}</Banner>}
      {channels.loading && channels.items.length === 0 ? <SkeletonRows label={t("state.loading")} rows={5} /> : null}
      <ul role="list" className={styles.list}>
        {shown.map((item) => (
          <ChannelRow key={item.conversationId} channel={item} />
        ))}
      </ul>
      {!channels.loading && shown.length === 0 && channels.error === undefined ? (
        <EmptyState icon={<Hash />} title={t("channels.none")}>
          {t("channels.noneText")}
        </EmptyState>
      ) : null}
      {channels.hasMore ? (
        <Button onClick={channels.more} busy={channels.loading}>
          {t("list.more")}
        </Button>
      ) : null}
    </ScrollPage>
  );
}

function ChannelRow({ channel }: { channel: ChannelItem }) {
  const { t, formats } = useI18n();
  const client = useClient();
  const go = useGo();
  const now = useNow();
  const action = useAction();
  const open = () => go({ page: "conversation", conversationId: channel.conversationId });
  const join = async () => {
    if (await action.run(() => client.conversations.join(channel.conversationId))) open();
  };
  return (
    <li className={styles.channel}>
      <Avatar id={channel.conversationId} name={channel.title} square glyph={<Hash />} />
      <div className={styles.text}>
        <p className={styles.title}>{channel.title}</p>
        {channel.description === undefined ? null : <p className={styles.description}>{channel.description}</p>}
        <p className={styles.facts}>
          {t("members.count", { count: channel.memberCount })} · {t("channels.active", { when: formats.relative(channel.activeAt, now) })}
        </p>
      </div>
      {channel.joined ? (
        <Button small onClick={open}>
          {t("channels.open")}
        </Button>
      ) : (
        <Button small tone="accent" busy={action.busy} onClick={() => void join()} aria-label={t("channels.joinNamed", { title: channel.title })}>
          {t("channels.join")}
        </Button>
      )}
    </li>
  );
}
