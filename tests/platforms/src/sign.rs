//! Signatures in headers, as the broker makes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::Answer;

/// HMAC with SHA-256 (RFC 2104).
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message);
    let outer = Sha256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner.finalize());
    outer.finalize().into()
}

/// A signature by Standard Webhooks, without its `v1,`.
///
/// # Panics
/// The secret is not `whsec_` and base64.
pub fn standard(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let key = secret.trim_start_matches("whsec_");
    let key = BASE64.decode(key).expect("whsec_ and base64");
    let message = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    BASE64.encode(hmac_sha256(&key, &message))
}

/// A signature over the body, in hexadecimal.
pub fn over_body(secret: &str, body: &[u8]) -> String {
    let bytes = hmac_sha256(secret.as_bytes(), body);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What an app of Meta's that has "Require App Secret" on has against a request: the proof
/// is the token's HMAC under the app's secret. Without a secret there must be none.
pub fn proof_fault(app: Option<&str>, token: &str, proof: Option<&String>) -> Option<Answer> {
    let message = match (app, proof) {
        (None, None) => return None,
        (None, Some(_)) => panic!("a proof without an app's secret"),
        (Some(app), Some(proof)) if *proof == over_body(app, token.as_bytes()) => return None,
        (Some(_), Some(_)) => "Invalid appsecret_proof provided in the API argument",
        (Some(_), None) => "API calls from the server require an appsecret_proof argument",
    };
    let error = json!({ "message": message, "type": "GraphMethodException", "code": 100 });
    Some(Answer::json(400, &json!({ "error": error })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples() {
        let signed = standard(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            b"{\"test\": 2432232314}",
        );
        assert_eq!(signed, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(
            over_body("It's a Secret to Everybody", b"Hello, World!"),
            "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
