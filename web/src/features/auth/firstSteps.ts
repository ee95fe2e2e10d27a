/**
 * What happens once after a registration, so that nobody lands in an empty house:
 * the owner gets a first channel, everybody else joins the oldest one.
 * A failure here is no failure of the registration: the channels can be browsed.
 */
import type { Client, ConversationId } from "../../sync/api";
import type { Translate } from "../../i18n/translate";

/** Gives the channel to open, if there is one. */
export async function takeFirstSteps(client: Client, owner: boolean, t: Translate): Promise<ConversationId | undefined> {
  try {
    return owner ? await makeFirstChannel(client, t) : await joinOldestChannel(client);
  } catch {
    return undefined;
  }
}

async function makeFirstChannel(client: Client, t: Translate): Promise<ConversationId> {
  return client.conversations.create({
    kind: "channel",
    title: t("firstSteps.channel"),
    description: t("firstSteps.description"),
    memberIds: [],
  });
}

async function joinOldestChannel(client: Client): Promise<ConversationId | undefined> {
  const { items } = await client.conversations.browseChannels();
  const [oldest] = [...items].sort((one, other) => one.createdAt.localeCompare(other.createdAt));
  if (oldest === undefined) return undefined;
  if (!oldest.joined) await client.conversations.join(oldest.conversationId);
  return oldest.conversationId;
}
