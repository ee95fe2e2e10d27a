//! What stands in the index for a message: its words, and numbers to find and sort it by. Its text stands there as words
//! with positions, never as such; a deleted message's are merged away with the rest of it.
//! Knows no query.

use chat::{ConversationId, Row, Seq, UserId, event::EventKind, search::words};
use tantivy::{
    Index, TantivyDocument, Term,
    schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{Token, TokenStream, Tokenizer},
};

/// The form of the index. Another one is made again.
pub(super) const INDEX_FORMAT: u32 = 1;

/// Name of the tokenizer in the schema.
const TOKENIZER: &str = "chat";

/// The fields.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// Conversation and seq, 24 bytes: to replace a message by.
    pub(super) key: Field,
    pub(super) text: Field,
    /// A hash of the conversation.
    pub(super) room: Field,
    pub(super) seq: Field,
    pub(super) at: Field,
    /// A hash of the sender.
    pub(super) sender: Field,
    /// 1 for a message with files; nothing for others.
    pub(super) file: Field,
}

/// Names of the columns that results are collected by.
pub(super) const COLUMNS: [&str; 3] = ["at", "room", "seq"];

pub(super) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(TOKENIZER)
        .set_fieldnorms(false)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let fields = Fields {
        key: builder.add_bytes_field("key", INDEXED),
        text: builder.add_text_field("text", TextOptions::default().set_indexing_options(indexing)),
        room: builder.add_u64_field("room", INDEXED | FAST),
        seq: builder.add_u64_field("seq", FAST),
        at: builder.add_u64_field("at", FAST),
        sender: builder.add_u64_field("sender", INDEXED),
        file: builder.add_u64_field("file", INDEXED),
    };
    (builder.build(), fields)
}

pub(super) fn register(index: &Index) {
    index.tokenizers().register(TOKENIZER, Words::default());
}

impl Fields {
    pub(super) fn key(&self, conversation: ConversationId, seq: Seq) -> Term {
        Term::from_field_bytes(self.key, &key(conversation, seq))
    }

    /// The message as it is indexed; `None` when there is nothing to find: no message, or a deleted one.
    pub(super) fn document(&self, row: &Row) -> Option<TantivyDocument> {
        let is_deleted = row.message.as_ref().is_none_or(|state| state.deleted_at.is_some());
        let EventKind::Message { body, attachments, .. } = &row.event.kind else { return None };
        if is_deleted {
            return None;
        }
        let mut document = TantivyDocument::default();
        document.add_bytes(self.key, &key(row.event.conversation, row.event.seq));
        document.add_text(self.text, body);
        document.add_u64(self.room, room(row.event.conversation));
        document.add_u64(self.seq, row.event.seq);
        document.add_u64(self.at, row.event.at);
        document.add_u64(self.sender, sender(row.event.actor));
        if !attachments.is_empty() {
            document.add_u64(self.file, 1);
        }
        Some(document)
    }
}

/// Stands for a conversation in the index. Two with the same number are told apart by their rows.
pub(super) fn room(conversation: ConversationId) -> u64 {
    fold(conversation.as_u128())
}

/// Stands for a sender in the index.
pub(super) fn sender(user: UserId) -> u64 {
    fold(user.as_u128())
}

fn key(conversation: ConversationId, seq: Seq) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&conversation.to_bytes());
    key[16..].copy_from_slice(&seq.to_be_bytes());
    key
}

/// The random half of a UUIDv7, with the time folded in.
fn fold(bits: u128) -> u64 {
    let bytes = bits.to_be_bytes();
    let (mut high, mut low) = ([0; 8], [0; 8]);
    high.copy_from_slice(&bytes[..8]);
    low.copy_from_slice(&bytes[8..]);
    u64::from_be_bytes(high).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from_be_bytes(low)
}

/// Cuts as `chat::search::words` does.
#[derive(Clone, Default)]
struct Words {
    token: Token,
}

struct WordStream<'a> {
    words: std::iter::Enumerate<std::vec::IntoIter<chat::search::Word>>,
    token: &'a mut Token,
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        WordStream { words: words(text).into_iter().enumerate(), token: &mut self.token }
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let Some((position, word)) = self.words.next() else { return false };
        *self.token = Token {
            offset_from: word.start,
            offset_to: word.end,
            position,
            text: word.text,
            position_length: 1,
        };
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}
