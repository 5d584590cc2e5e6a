//! The service around the wire: the admin port, the service manager, and what is looked at: at the start, and for metrics.

pub mod admin;
mod api;
pub mod board;
mod machine;
pub mod order;
mod page;
pub mod service;
pub mod startup;
mod survey;
pub mod watch;

pub use survey::Survey;
