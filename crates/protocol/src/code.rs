//! Every code a client can be told: error codes with HTTP status and retryability, and close codes of sockets.
//! One table each; the sentence that goes with an error is made where it is known what was wrong.

use std::{borrow::Cow, fmt};

use chat::{
    Refusal,
    ports::{ErrorKind, PortError},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Whether the same request can succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retryable {
    /// Not as it is: change the request, or the state it meets.
    No,
    /// Yes, unchanged, after `retryAfterMs` or with exponential backoff and full jitter.
    Later,
    /// Yes, after logging in again.
    AfterLogin,
}

macro_rules! codes {
    ($($variant:ident $code:literal $status:literal $retry:ident $title:literal;)*) => {
        /// An error code: stable, lower case, the same in frames and in problem documents.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $title] $variant,)*
            /// A code that this build does not know: only ever read, from a newer server.
            Unknown,
        }

        impl Code {
            /// All codes a server sends, in the order of the documentation.
            pub const ALL: &[Code] = &[$(Code::$variant,)*];

            /// The code on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $code,)* Code::Unknown => "unknown" }
            }

            /// The HTTP status of a problem document with this code.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self { $(Code::$variant => $status,)* Code::Unknown => 500 }
            }

            /// Whether the same request can succeed later.
            #[must_use]
            pub const fn retryable(self) -> Retryable {
                match self { $(Code::$variant => Retryable::$retry,)* Code::Unknown => Retryable::No }
            }

            /// What it means in a few words: the `title` of a problem document.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* Code::Unknown => "Unknown code" }
            }

            /// The code with this text.
            #[must_use]
            pub fn parse(text: &str) -> Option<Code> {
                match text { $($code => Some(Code::$variant),)* _ => None }
            }
        }
    };
}

codes! {
    // Frames and requests that cannot be read.
    BadJson "bad_json" 400 No "Not JSON";
    BadFrame "bad_frame" 400 No "A field is missing or wrong";
    UnknownAction "unknown_action" 400 No "Unknown action";
    FrameTooLarge "frame_too_large" 413 No "Frame too large";
    BinaryFrame "binary_frame" 400 No "Binary frame";
    BadRequest "bad_request" 400 No "The request cannot be read";
    RequestTooLarge "request_too_large" 413 No "Request too large";
    UnsupportedMediaType "unsupported_media_type" 415 No "Not application/json";
    BadCursor "bad_cursor" 400 No "The cursor is not one of this list";
    BadSearch "bad_search" 400 No "The search cannot be read";
    BadIdempotencyKey "bad_idempotency_key" 400 No "The Idempotency-Key is not a UUID";
    UnsupportedSubprotocol "unsupported_subprotocol" 400 No "None of the offered subprotocols is spoken here";
    // State of the connection.
    SyncInProgress "sync_in_progress" 409 Later "A sync is running";
    GoingAway "going_away" 503 Later "The server is going away";
    // Load and faults.
    SlowDown "slow_down" 429 Later "Too fast";
    Unavailable "unavailable" 503 Later "Not available at the moment";
    Timeout "timeout" 504 Later "Accepted, but its outcome is not known yet";
    Internal "internal" 500 No "A fault of the server";
    // Who asks.
    Unauthorized "unauthorized" 401 AfterLogin "Log in first";
    BadCredentials "bad_credentials" 401 AfterLogin "Wrong username or password";
    BadOrigin "bad_origin" 403 No "The request comes from another site";
    AccountDisabled "account_disabled" 403 No "Account disabled";
    Forbidden "forbidden" 403 No "Not allowed";
    // What is not there, or not for who asks.
    NotFound "not_found" 404 No "No such route";
    MethodNotAllowed "method_not_allowed" 405 No "The route has other methods";
    ConversationNotFound "conversation_not_found" 404 No "No such conversation";
    MessageNotFound "message_not_found" 404 No "No such message";
    UserNotFound "user_not_found" 404 No "No such user";
    SessionNotFound "session_not_found" 404 No "No such session";
    InviteNotFound "invite_not_found" 404 No "No such invitation";
    AttachmentNotFound "attachment_not_found" 404 No "No such attachment";
    DeadLetterNotFound "dead_letter_not_found" 404 No "No such dead letter";
    NotAMember "not_a_member" 404 No "Not a member";
    // Rules of conversations.
    NotYourMessage "not_your_message" 403 No "Not your message";
    MessageDeleted "message_deleted" 410 No "Message deleted";
    DirectIsFixed "direct_is_fixed" 403 No "Direct conversations are fixed";
    LastOwner "last_owner" 403 No "Last owner";
    TooManyMembers "too_many_members" 409 No "Too many members";
    TooManyEdits "too_many_edits" 409 No "Too many edits";
    TooManyReactions "too_many_reactions" 409 No "Too many reactions";
    TooManyConversations "too_many_conversations" 409 No "Too many conversations";
    DeadLettered "dead_lettered" 500 No "Set aside for the operators";
    // Shape of what is said.
    EmptyBody "empty_body" 422 No "Empty body";
    BodyTooLong "body_too_long" 422 No "Body too long";
    BadTitle "bad_title" 422 No "Bad title";
    BadDescription "bad_description" 422 No "Bad description";
    BadEmoji "bad_emoji" 422 No "Bad reaction";
    TooManyMentions "too_many_mentions" 422 No "Too many mentions";
    TooManyNamed "too_many_named" 422 No "Too many named at once";
    DirectNeedsOneOther "direct_needs_one_other" 422 No "Name exactly one other";
    NothingToChange "nothing_to_change" 422 No "Nothing to change";
    // Accounts.
    BadUsername "bad_username" 422 No "Bad username";
    UsernameTaken "username_taken" 409 No "Username taken";
    BadDisplayName "bad_display_name" 422 No "Bad display name";
    BadPassword "bad_password" 422 No "Bad password";
    RegistrationClosed "registration_closed" 403 No "Registration closed";
    InviteNeeded "invite_needed" 403 No "Invitation needed";
    InviteInvalid "invite_invalid" 403 No "Invitation invalid";
    BadStatus "bad_status" 422 No "Bad status";
    BadLocale "bad_locale" 422 No "Bad locale";
    // Files.
    FileTooLarge "file_too_large" 413 No "File too large";
    EmptyFile "empty_file" 422 No "Empty file";
    BadPicture "bad_picture" 422 No "Not a picture that can be shown";
    LengthRequired "length_required" 411 No "Say how long the file is";
    TooManyUploads "too_many_uploads" 409 Later "Too many unsent uploads";
    AvatarNotFound "avatar_not_found" 404 No "No such picture";
}

impl From<Refusal> for Code {
    fn from(refusal: Refusal) -> Code {
        // A test walks every refusal: none comes out as `Unknown`.
        Code::parse(refusal.code()).unwrap_or(Code::Unknown)
    }
}

impl From<ErrorKind> for Code {
    fn from(kind: ErrorKind) -> Code {
        match kind {
            ErrorKind::Overloaded => Code::SlowDown,
            ErrorKind::Unavailable | ErrorKind::Conflict => Code::Unavailable,
            ErrorKind::Corrupt | ErrorKind::Invalid | ErrorKind::Unsupported | ErrorKind::Internal => {
                Code::Internal
            }
        }
    }
}

impl From<&PortError> for Code {
    fn from(error: &PortError) -> Code {
        error.kind.into()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Ok(Code::parse(&text).unwrap_or(Code::Unknown))
    }
}

impl JsonSchema for Code {
    fn schema_name() -> Cow<'static, str> {
        "Code".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        json_schema!({
            "description": "An error code. Newer servers may send others: treat those by their HTTP status or as final.",
            "type": "string", "enum": codes,
        })
    }
}

macro_rules! close_codes {
    ($($variant:ident $number:literal $reason:literal $doc:literal;)*) => {
        /// Why the server closes a socket. The range tells the client what to do next, the reason is for people.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum CloseCode { $(#[doc = $doc] $variant,)* }

        impl CloseCode {
            /// All close codes.
            pub const ALL: &[CloseCode] = &[$(CloseCode::$variant,)*];

            /// The number in the close frame.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self { $(CloseCode::$variant => $number,)* }
            }

            /// The reason in the close frame.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self { $(CloseCode::$variant => $reason,)* }
            }

            /// When it is used.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(CloseCode::$variant => $doc,)* }
            }

            /// The code with this number.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<CloseCode> {
                match number { $($number => Some(CloseCode::$variant),)* _ => None }
            }
        }
    };
}

close_codes! {
    GoingAway 4000 "going away: reconnect" "The node drains.";
    SlowReader 4001 "too slow: resume" "The client did not read fast enough; what it missed comes with sync.";
    HeartbeatLost 4002 "heartbeat lost: resume" "Nothing was heard from the client for two heartbeats.";
    Overloaded 4003 "too many connections: try later" "The server, or the user, has as many connections as allowed.";
    Internal 4004 "fault of the server: resume" "Something failed that the client cannot mend.";
    SessionEnded 4100 "session ended: log in again" "The login this socket was opened with has ended.";
    BadCredentials 4101 "not authenticated: log in again" "The token or ticket is unknown, used or too old.";
    AccountDisabled 4102 "account disabled" "The account has been disabled.";
    ProtocolViolation 4200 "protocol violation" "Not RFC 6455: bad UTF-8, unmasked or malformed frames.";
    UnsupportedSubprotocol 4201 "unsupported subprotocol" "None of the offered subprotocols is spoken here.";
    TooManyBadFrames 4202 "too many bad frames" "The client keeps sending frames that cannot be read.";
    FrameTooLarge 4203 "frame too large" "A frame was more than twice as large as allowed.";
}

/// What a client does after a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterClose {
    /// 4000–4099 and every code that is not ours: connect again with backoff, and sync.
    Reconnect,
    /// 4100–4199: log in again first.
    LogIn,
    /// 4200–4299: do not come back without being changed.
    StayAway,
}

impl AfterClose {
    /// What the number of a close frame asks for.
    #[must_use]
    pub const fn of(number: u16) -> AfterClose {
        match number {
            4100..=4199 => AfterClose::LogIn,
            4200..=4299 => AfterClose::StayAway,
            _ => AfterClose::Reconnect,
        }
    }
}
