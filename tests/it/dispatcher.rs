//! The dispatcher in this process, on a database and on queues of its own, with receivers on
//! loopback: what it sends, when, how often, and what it leaves on record. Its workers are also
//! driven step by step. What happens when the process dies is in `faults`.

mod absence;
mod advice;
mod answers;
mod attempt;
mod backlogged;
mod breaker;
mod brokers;
mod endpoints;
mod fairness;
mod feeding;
mod flaky;
mod harness;
mod lost;
mod messages;
mod operations;
mod poison;
mod probing;
mod rate;
mod raw;
mod reaping;
mod releasing;
mod retention;
mod running;
mod schedule;
mod scheduled;
mod sharing;
mod signing;
mod stopping;
mod terms;
