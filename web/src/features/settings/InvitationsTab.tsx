/**
 * Invitations: making one and passing its link on, those that are open, taking one back.
 * A link is shown once: the server keeps no copy of its code.
 */
import { Copy, Link2, Trash2 } from "lucide-react";
import { useCallback, useState } from "react";
import type { InviteItem } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { Banner, SkeletonRows } from "../../ui/Feedback";
import { SelectField } from "../../ui/Field";
import { useToast } from "../../ui/Toasts";
import { useClient } from "../context/client";
import { errorText } from "../context/errors";
import { pathOf } from "../context/route";
import { useNow } from "../context/time";
import { useAction } from "../context/useAction";
import { useLoad } from "../context/useLoad";
import { nameOf, usePeople } from "../people/people";
import { Row, Section } from "./Section";
import styles from "./SecurityTab.module.css";

const DAY_MS = 86_400_000;
const DAYS = ["1", "7", "30"] as const;
const USES = ["1", "5", "25", "100"] as const;

export function InvitationsTab() {
  const { t } = useI18n();
  const client = useClient();
  const invites = useLoad(useCallback(() => client.session.listInvites(), [client]));
  return (
    <>
      <NewInvite onMade={invites.again} />
      <Section title={t("invites.open")}>
        {invites.error === undefined ? null : <Banner tone="danger">{errorText(invites.error, t)}</Banner>}
        {invites.value === undefined && invites.loading ? <SkeletonRows label={t("state.loading")} rows={2} /> : null}
        {invites.value?.length === 0 ? <p>{t("invites.none")}</p> : null}
        <ul role="list" className={styles.list}>
          {(invites.value ?? []).map((invite) => (
            <InviteRow key={invite.inviteId} invite={invite} onDeleted={invites.again} />
          ))}
        </ul>
      </Section>
    </>
  );
}

function NewInvite({ onMade }: { onMade: () => void }) {
  const { t } = useI18n();
  const client = useClient();
  const action = useAction();
  const [days, setDays] = useState<(typeof DAYS)[number]>("7");
  const [uses, setUses] = useState<(typeof USES)[number]>("1");
  const [link, setLink] = useState<string | undefined>(undefined);
  const make = () =>
    void action.run(async () => {
      const { code } = await client.session.createInvite({ expiresInMs: Number(days) * DAY_MS, uses: Number(uses) });
      setLink(new URL(pathOf({ page: "join", code }), window.location.origin).href);
      onMade();
    });
  return (
    <Section title={t("invites.invite")} text={t("invites.text")}>
      <Row>
        <SelectField label={t("invites.days")} value={days} options={DAYS.map((value) => ({ value, label: t("invites.daysCount", { count: Number(value) }) }))} onValueChange={setDays} />
        <SelectField label={t("invites.uses")} value={uses} options={USES.map((value) => ({ value, label: t("invites.usesCount", { count: Number(value) }) }))} onValueChange={setUses} />
      </Row>
      <Row>
        <Button tone="accent" icon={<Link2 />} busy={action.busy} onClick={make}>
          {t("invites.make")}
        </Button>
      </Row>
      {link === undefined ? null : <NewLink link={link} />}
    </Section>
  );
}

function NewLink({ link }: { link: string }) {
  const { t } = useI18n();
  const toast = useToast();
  const copy = () =>
    void navigator.clipboard.writeText(link).then(
      () => toast({ text: t("action.copied") }),
      () => toast({ text: t("action.copyFailed"), tone: "danger" }),
    );
  return (
    <div role="status">
      <Row>
        <code className={styles.code}>{link}</code>
        <Button icon={<Copy />} onClick={copy}>
          {t("action.copy")}
        </Button>
      </Row>
      <p className={styles.note}>{t("invites.once")}</p>
    </div>
  );
}

function InviteRow({ invite, onDeleted }: { invite: InviteItem; onDeleted: () => void }) {
  const { t, formats } = useI18n();
  const client = useClient();
  const now = useNow();
  const action = useAction();
  const people = usePeople([invite.createdBy]);
  const remove = async () => {
    if (await action.run(() => client.session.deleteInvite(invite.inviteId))) onDeleted();
  };
  return (
    <li className={styles.session}>
      <Link2 aria-hidden="true" />
      <div className={styles.text}>
        <p className={styles.name}>{t("invites.left", { count: invite.usesLeft })}</p>
        <p className={styles.note}>
          {t("invites.facts", { name: nameOf(people, invite.createdBy, t), ends: formats.relative(invite.expiresAt, now) })}
        </p>
      </div>
      <Button small icon={<Trash2 />} busy={action.busy} onClick={() => void remove()}>
        {t("invites.delete")}
      </Button>
    </li>
  );
}
