//! An error with its causes, as one fragment of a sentence, in words of its own.
//!
//! What the operating system and the libraries say is for programmers: numbers of errors, layers of
//! protocols. Here it is said what that means for whoever waits for an answer.

use std::error::Error;
use std::io;

/// Joins an error and its causes with colons; a cause that repeats the one before is left out.
pub fn error_text(error: &(dyn Error + 'static)) -> String {
    let mut text = plain(error);
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = plain(error);
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        // What a library wraps says the same once more.
        cause = error.source().filter(|_| is_ours(error));
    }
    text
}

/// Says what one error means.
pub fn plain(error: &(dyn Error + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return of_network(error);
    }
    if let Some(error) = error.downcast_ref::<rustls::Error>() {
        return of_tls(error);
    }
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return of_http(error);
    }
    if let Some(status) = error.downcast_ref::<tonic::Status>() {
        return of_grpc(status);
    }
    error.to_string()
}

fn is_ours(error: &(dyn Error + 'static)) -> bool {
    !(error.is::<io::Error>()
        || error.is::<rustls::Error>()
        || error.is::<hyper::Error>()
        || error.is::<tonic::Status>())
}

fn of_network(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    if let Some(inner) = error.get_ref() {
        return plain(inner);
    }
    let words = match error.kind() {
        Kind::ConnectionRefused => "connection refused",
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => {
            "the connection was broken off"
        }
        Kind::UnexpectedEof => "the connection ended early",
        Kind::HostUnreachable | Kind::NetworkUnreachable => "no route to it",
        Kind::TimedOut => "timed out",
        _ => return error.to_string(),
    };
    words.to_owned()
}

fn of_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(_) => {
            "its certificate is not one that this cluster's authority signed".to_owned()
        }
        rustls::Error::AlertReceived(_) => "it broke off the TLS handshake".to_owned(),
        _ => "the TLS handshake failed".to_owned(),
    }
}

fn of_http(error: &hyper::Error) -> String {
    let source = error.source();
    if let Some(cause) = source.filter(|cause| !is_ours(*cause)) {
        return plain(cause);
    }
    let words = if error.is_timeout() {
        "timed out"
    } else if error.is_parse() {
        "it does not speak HTTP"
    } else {
        "the connection was broken off"
    };
    words.to_owned()
}

/// A status with a cause was made on this side: the connection failed.
fn of_grpc(status: &tonic::Status) -> String {
    match status.source() {
        Some(cause) if !is_ours(cause) => plain(cause),
        Some(_) => "the connection was broken off".to_owned(),
        None => status.message().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot reach `host`")]
    struct Outer(#[source] io::Error);

    #[test]
    fn causes_are_joined_and_no_number_of_an_error_is_shown() {
        for (kind, expected) in [
            (io::ErrorKind::ConnectionRefused, "connection refused"),
            (io::ErrorKind::HostUnreachable, "no route to it"),
            (
                io::ErrorKind::ConnectionReset,
                "the connection was broken off",
            ),
        ] {
            let error = Outer(kind.into());
            assert_eq!(
                error_text(&error),
                format!("cannot reach `host`: {expected}")
            );
        }
        // 111 is what Linux calls a refused connection.
        let error = Outer(io::Error::from_raw_os_error(111));
        assert_eq!(
            error_text(&error),
            "cannot reach `host`: connection refused"
        );
    }

    #[test]
    fn what_a_library_wrapped_is_said_once() {
        let inner = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let error = Outer(io::Error::new(io::ErrorKind::InvalidData, inner));
        assert_eq!(
            error_text(&error),
            "cannot reach `host`: its certificate is not one that this cluster's authority signed"
        );
        let named = Outer(io::Error::new(
            io::ErrorKind::ConnectionRefused,
            "`10.0.0.1:6443` is not in the connection map",
        ));
        assert_eq!(
            error_text(&named),
            "cannot reach `host`: `10.0.0.1:6443` is not in the connection map"
        );
    }
}
