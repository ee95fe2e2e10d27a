/**
 * What could not be processed, with its reason: look, try again, or drop.
 * Trying again is always safe: a message is never doubled.
 */
import { RotateCcw, Trash2 } from "lucide-react";
import { useCallback, useState } from "react";
import type { DeadLetterItem, DeadLetterSelection, QueueName } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import { Button, IconButton } from "../../ui/Button";
import { Confirm, Dialog } from "../../ui/Dialog";
import { SelectField } from "../../ui/Field";
import { useToast } from "../../ui/Toasts";
import { useClient } from "../context/client";
import { useNow } from "../context/time";
import { useAction } from "../context/useAction";
import { usePages } from "../context/usePages";
import { nameOf, usePeople } from "../people/people";
import { Table } from "./Table";
import styles from "./Table.module.css";
import details from "./DeadLettersTab.module.css";

const QUEUES: readonly QueueName[] = ["messages", "notifications"];

export function DeadLettersTab() {
  const { t } = useI18n();
  const client = useClient();
  const [queue, setQueue] = useState<QueueName>("messages");
  const [shown, setShown] = useState<DeadLetterItem | undefined>(undefined);
  const [dropping, setDropping] = useState<DeadLetterSelection | undefined>(undefined);
  const fetchPage = useCallback(
    (after: string | undefined) => client.admin.deadLetters({ queue, ...(after === undefined ? {} : { after }) }),
    [client, queue],
  );
  const pages = usePages(fetchPage);
  const work = useDeadLetterWork(pages.again);
  const drop = async (selection: DeadLetterSelection) => {
    await work.drop(selection);
    setDropping(undefined);
    setShown(undefined);
  };
  return (
    <>
      <div className={styles.bar}>
        <SelectField
          className={styles.grow}
          label={t("admin.queueName")}
          value={queue}
          options={QUEUES.map((value) => ({ value, label: t(`admin.queueName.${value}`) }))}
          onValueChange={setQueue}
        />
        <Button icon={<RotateCcw />} busy={work.busy} disabled={pages.items.length === 0} onClick={() => void work.redrive({ queue, all: true })}>
          {t("admin.redriveAll")}
        </Button>
        <Button icon={<Trash2 />} tone="danger" disabled={pages.items.length === 0} onClick={() => setDropping({ queue, all: true })}>
          {t("admin.dropAll")}
        </Button>
      </div>
      <Table
        label={t("admin.dead-letters")}
        columns={[t("admin.what"), t("admin.reason"), t("admin.attempts"), t("admin.givenUp"), t("admin.actions")]}
        pages={pages}
        empty={t("admin.noDeadLetters")}
      >
        {(item) => (
          <DeadLetterRow
            key={item.id}
            item={item}
            onShow={() => setShown(item)}
            onRedrive={() => void work.redrive({ queue, ids: [item.id] })}
            onDrop={() => setDropping({ queue, ids: [item.id] })}
          />
        )}
      </Table>
      {shown === undefined ? null : <DetailsDialog item={shown} onClose={() => setShown(undefined)} />}
      <Confirm
        open={dropping !== undefined}
        danger
        busy={work.busy}
        onClose={() => setDropping(undefined)}
        onConfirm={() => (dropping === undefined ? undefined : void drop(dropping))}
        title={t("admin.dropTitle")}
        description={t("admin.dropText")}
        confirmLabel={t("admin.drop")}
        cancelLabel={t("action.cancel")}
      />
    </>
  );
}

function useDeadLetterWork(again: () => void) {
  const { t } = useI18n();
  const client = useClient();
  const toast = useToast();
  const action = useAction();
  const redrive = async (selection: DeadLetterSelection) => {
    await action.run(async () => toast({ text: t("admin.redriven", { count: await client.admin.redrive(selection) }) }));
    again();
  };
  const drop = async (selection: DeadLetterSelection) => {
    await action.run(async () => toast({ text: t("admin.dropped", { count: await client.admin.drop(selection) }) }));
    again();
  };
  return { busy: action.busy, redrive, drop };
}

interface DeadLetterRowProps {
  item: DeadLetterItem;
  onShow: () => void;
  onRedrive: () => void;
  onDrop: () => void;
}

function DeadLetterRow({ item, onShow, onRedrive, onDrop }: DeadLetterRowProps) {
  const { t, formats } = useI18n();
  const now = useNow();
  return (
    <tr>
      <td>
        <button type="button" className={details.show} onClick={onShow}>
          {item.name}
        </button>
      </td>
      <td className={styles.reason}>{item.reason}</td>
      <td className={styles.numbers}>{formats.number(item.attempts)}</td>
      <td className={styles.note} title={formats.exact(item.lastFailedAt)}>
        {formats.relative(item.lastFailedAt, now)}
      </td>
      <td className={styles.end}>
        <IconButton small label={t("admin.redrive")} onClick={onRedrive}>
          <RotateCcw />
        </IconButton>
        <IconButton small label={t("admin.drop")} tone="danger" onClick={onDrop}>
          <Trash2 />
        </IconButton>
      </td>
    </tr>
  );
}

function DetailsDialog({ item, onClose }: { item: DeadLetterItem; onClose: () => void }) {
  const { t, formats } = useI18n();
  const people = usePeople(item.senderId === undefined ? [] : [item.senderId]);
  const facts: readonly (readonly [string, string | undefined])[] = [
    [t("admin.what"), item.name],
    [t("admin.reason"), item.reason],
    [t("admin.attempts"), formats.number(item.attempts)],
    [t("admin.firstFailed"), formats.exact(item.firstFailedAt)],
    [t("admin.givenUp"), formats.exact(item.lastFailedAt)],
    [t("admin.sender"), item.senderId === undefined ? undefined : nameOf(people, item.senderId, t)],
    [t("admin.conversation"), item.conversationId],
    [t("admin.clientMessageId"), item.clientMessageId],
    [t("admin.id"), item.id],
  ];
  return (
    <Dialog open onClose={onClose} title={t("admin.deadLetter")} closeLabel={t("action.close")} wide>
      <dl className={details.facts}>
        {facts.map(([name, value]) =>
          value === undefined ? null : (
            <div key={name} className={details.fact}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ),
        )}
      </dl>
    </Dialog>
  );
}
