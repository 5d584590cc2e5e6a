//! The service around the wire: the admin port and the service manager.

pub mod admin;
pub mod service;
