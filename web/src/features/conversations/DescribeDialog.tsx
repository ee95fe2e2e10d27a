/**
 * Changing the name and the description of a conversation.
 * Sends only what was changed.
 */
import { useState } from "react";
import type { Conversation } from "../../sync/api";
import { LIMITS } from "../../protocol/constants";
import { useT } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { TextAreaField, TextField } from "../../ui/Field";
import { useClient } from "../context/client";
import { useAction } from "../context/useAction";

export function DescribeDialog({ conversation, onClose }: { conversation: Conversation; onClose: () => void }) {
  const t = useT();
  const client = useClient();
  const action = useAction();
  const [title, setTitle] = useState(conversation.title ?? "");
  const [description, setDescription] = useState(conversation.description ?? "");
  const patch = {
    ...(title.trim() === (conversation.title ?? "") ? {} : { title: title.trim() }),
    ...(description.trim() === (conversation.description ?? "") ? {} : { description: description.trim() }),
  };
  const save = async () => {
    if (await action.run(() => client.conversations.patch(conversation.conversationId, patch))) onClose();
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={t("conversation.describe")}
      closeLabel={t("action.close")}
      actions={
        <>
          <Button onClick={onClose}>{t("action.cancel")}</Button>
          <Button tone="accent" busy={action.busy} disabled={title.trim() === "" || Object.keys(patch).length === 0} onClick={() => void save()}>
            {t("action.save")}
          </Button>
        </>
      }
    >
      <TextField label={t("new.title")} maxLength={LIMITS.titleChars} value={title} onChange={(event) => setTitle(event.currentTarget.value)} />
      <TextAreaField
        label={t("new.description")}
        rows={3}
        maxLength={LIMITS.descriptionChars}
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
    </Dialog>
  );
}
