/**
 * Starting something: a direct conversation, a group, a channel.
 * The server gives the existing direct conversation where there is one.
 */
import { useState } from "react";
import type { ConversationKind, User } from "../../sync/api";
import { LIMITS } from "../../protocol/constants";
import { useT } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { TextAreaField, TextField } from "../../ui/Field";
import { Tabs } from "../../ui/Tabs";
import { useClient } from "../context/client";
import { useGo } from "../context/navigation";
import { useAction } from "../context/useAction";
import { PeoplePicker } from "../people/PeoplePicker";
import styles from "./NewConversationDialog.module.css";

export default function NewConversationDialog({ onClose }: { onClose: () => void }) {
  const t = useT();
  const client = useClient();
  const go = useGo();
  const action = useAction();
  const [kind, setKind] = useState<ConversationKind>("direct");
  const [title, setTitle] = useState("");
  const [description, setDescription] = useState("");
  const [chosen, setChosen] = useState<readonly User[]>([]);
  const create = async () => {
    let made = "";
    const worked = await action.run(async () => {
      made = await client.conversations.create(requestOf(kind, title.trim(), description.trim(), chosen));
    });
    if (!worked) return;
    onClose();
    go({ page: "conversation", conversationId: made });
  };
  const choose = (next: readonly User[]) => setChosen(kind === "direct" ? next.slice(-1) : next);
  const picker = <PeoplePicker label={t("new.people")} chosen={chosen} onChange={choose} single={kind === "direct"} />;
  const names = (
    <>
      <TextField label={t("new.title")} maxLength={LIMITS.titleChars} required value={title} onChange={(event) => setTitle(event.currentTarget.value)} />
      <TextAreaField
        label={t("new.description")}
        rows={2}
        maxLength={LIMITS.descriptionChars}
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
    </>
  );
  return (
    <Dialog
      open
      onClose={onClose}
      title={t("conversations.new")}
      closeLabel={t("action.close")}
      actions={
        <>
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button tone="accent" busy={action.busy} disabled={!isComplete(kind, title, chosen)} onClick={() => void create()}>
            {t(`new.submit.${kind}`)}
          </Button>
        </>
      }
    >
      <Tabs
        label={t("new.kind")}
        value={kind}
        onValueChange={setKind}
        tabs={[
          { value: "direct", label: t("new.direct"), content: <div className={styles.form}>{picker}</div> },
          {
            value: "group",
            label: t("new.group"),
            content: (
              <div className={styles.form}>
                <p className={styles.hint}>{t("new.groupHint")}</p>
                {names}
                {picker}
              </div>
            ),
          },
          {
            value: "channel",
            label: t("new.channel"),
            content: (
              <div className={styles.form}>
                <p className={styles.hint}>{t("new.channelHint")}</p>
                {names}
                {picker}
              </div>
            ),
          },
        ]}
      />
    </Dialog>
  );
}

function isComplete(kind: ConversationKind, title: string, chosen: readonly User[]): boolean {
  if (kind === "direct") return chosen.length === 1;
  return title.trim() !== "" && (kind === "channel" || chosen.length > 0);
}

function requestOf(kind: ConversationKind, title: string, description: string, chosen: readonly User[]) {
  const memberIds = chosen.map((user) => user.userId);
  if (kind === "direct") return { kind, memberIds: memberIds.slice(0, 1) };
  return { kind, memberIds, title, ...(description === "" ? {} : { description }) };
}
