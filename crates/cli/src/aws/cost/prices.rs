//! What AWS asks for: list prices of us-east-1, US dollars, without anything that is free at first.
//! Knows nothing of what is used. Every price says since when it is known to hold, and from where.
//!
//! Sources, looked at in November 2026: the pricing pages of API Gateway, Lambda, SQS, DynamoDB, S3, EC2 (traffic),
//! Elastic Load Balancing and Fargate at <https://aws.amazon.com/pricing/>. Those of Fargate and of capacity units of
//! load balancers were noted from memory and not looked up again.

/// When they were noted.
pub(super) const NOTED: &str = "2026-11";

/// A million units of something.
pub(super) const MILLION: f64 = 1_000_000.0;
/// Bytes of a gigabyte as AWS counts them.
pub(super) const GIGABYTE: f64 = 1_073_741_824.0;
/// Minutes of a month, 365.25 / 12 days.
pub(super) const MINUTES_PER_MONTH: f64 = 43_830.0;

/// A million messages of a WebSocket API, either way, 32 KiB each.
pub(super) const SOCKET_MESSAGES: f64 = 1.00;
/// A million minutes of an open socket.
pub(super) const SOCKET_MINUTES: f64 = 0.25;
/// A million calls of functions.
pub(super) const CALLS: f64 = 0.20;
/// A gigabyte-second of a function on arm64.
pub(super) const GIGABYTE_SECOND: f64 = 0.000_013_333_4;
/// A million requests to FIFO queues, 64 KiB each.
pub(super) const QUEUE_REQUESTS: f64 = 0.50;
/// A million write units, paid by request.
pub(super) const WRITE_UNITS: f64 = 0.625;
/// A million read units, paid by request.
pub(super) const READ_UNITS: f64 = 0.125;
/// A gigabyte in a table for a month.
pub(super) const STORED_GIGABYTE: f64 = 0.25;
/// A gigabyte that leaves for the internet.
pub(super) const TRAFFIC_GIGABYTE: f64 = 0.09;
/// A unit of an application load balancer for a month: $0.008 an hour.
pub(super) const BALANCER_UNIT: f64 = 0.008 * MINUTES_PER_MONTH / 60.0;
/// Open sockets in such a unit.
pub(super) const SOCKETS_PER_BALANCER_UNIT: f64 = 3_000.0;
/// A million deliveries by a container: its part of a task's processor.
pub(super) const DELIVERIES: f64 = 0.02;

/// Fixed each month, serverless: key, alarms, functions kept warm, firewall.
pub(super) const FIXED_SERVERLESS: f64 = 1.0 + 3.0 + 2.0 + 10.0;
/// Fixed each month, containers: key, alarms, firewall, two tasks of one processor and 2 GB, load balancer, private
/// endpoints.
pub(super) const FIXED_CONTAINERS: f64 = 1.0 + 3.0 + 10.0 + 58.0 + 22.0 + 75.0;
