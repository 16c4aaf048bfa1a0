//! Files on their way.

use serde_json::{Value, json};

use super::form::{body, fields, flag, parameters, text};
use super::{LinkedIn, denied, error};
use crate::{Answer, Request};

/// Bytes of a part of a video.
const PART: usize = 4_194_304;

/// A file in the books.
#[derive(Clone, Debug, Default)]
pub struct File {
    pub owner: String,
    /// What is there of each part.
    pub parts: Vec<Option<Vec<u8>>>,
    /// Bytes that a video was announced with.
    pub size: usize,
    pub token: String,
    /// All is there, and a video is put together.
    pub complete: bool,
    pub looks: u32,
}

impl File {
    pub fn bytes(&self) -> Vec<u8> {
        self.parts.iter().flatten().flatten().copied().collect()
    }
}

fn etag(bytes: &[u8]) -> String {
    let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
    format!("/ambry-video/signedId/{:x}-{sum:x}", bytes.len())
}

impl LinkedIn {
    pub(super) fn media_action(
        &mut self,
        request: &Request,
        room: &str,
        now: u64,
    ) -> Result<Answer, Answer> {
        parameters(request, &[("action", "")], &[])?;
        let body = body(request)?;
        match request.query()["action"].as_str() {
            "initializeUpload" => self.initialize(&body, room, now),
            "finalizeUpload" if room == "videos" => self.finalize(&body),
            action => Err(error(400, "PARAM_INVALID", 0, &format!("action {action}"))),
        }
    }

    fn initialize(&mut self, body: &Value, room: &str, now: u64) -> Result<Answer, Answer> {
        fields(body, &["initializeUploadRequest"], &[])?;
        let asked = &body["initializeUploadRequest"];
        let video = room == "videos";
        if video {
            fields(
                asked,
                &[
                    "owner",
                    "fileSizeBytes",
                    "uploadCaptions",
                    "uploadThumbnail",
                ],
                &[],
            )?;
            flag(asked, "uploadCaptions")?;
            flag(asked, "uploadThumbnail")?;
        } else {
            fields(asked, &["owner"], &[])?;
        }
        let owner = text(asked, "owner")?.to_owned();
        self.may(true, &owner)?;
        let id = self.fresh();
        let kind = room.trim_end_matches('s');
        let urn = format!("urn:li:{kind}:C{id}");
        let size = asked["fileSizeBytes"].as_u64().unwrap_or(1) as usize;
        let parts = if video { size.div_ceil(PART) } else { 1 };
        // As long as LinkedIn's own.
        let long = "x".repeat(600);
        let site = &self.site;
        let url = |part: usize| format!("{site}/dms-uploads/{kind}/C{id}/{part}?sau={long}");
        let mut value = json!({ kind: urn });
        if video {
            let instructions: Vec<Value> = (0..parts)
                .map(|part| {
                    json!({
                        "uploadUrl": url(part),
                        "firstByte": part * PART,
                        "lastByte": (part * PART + PART).min(size) - 1,
                    })
                })
                .collect();
            value["uploadInstructions"] = json!(instructions);
            value["uploadToken"] = json!("");
            value["uploadUrlsExpireAt"] = json!(now + 3_600_000);
        } else {
            value["uploadUrl"] = json!(url(0));
            value["uploadUrlExpiresAt"] = json!(now + 3_600_000);
        }
        self.files.insert(
            urn,
            File {
                owner,
                parts: vec![None; parts],
                size: if video { size } else { 0 },
                ..File::default()
            },
        );
        Ok(Answer::json(200, &json!({ "value": value })))
    }

    pub(super) fn upload(&mut self, request: &Request) -> Result<Answer, Answer> {
        let parts: Vec<&str> = request.path().trim_matches('/').split('/').collect();
        let ["dms-uploads", kind, id, part] = parts.as_slice() else {
            return Err(Answer::empty(404));
        };
        if request.method != "PUT" {
            return Err(Answer::empty(405));
        }
        if std::mem::take(&mut self.expire_uploads) {
            return Err(Answer::empty(403));
        }
        // A video's address is the permission itself; the others want the token.
        let video = *kind == "video";
        if video != request.bearer().is_none() || (!video && request.bearer() != Some(&self.token))
        {
            return Err(Answer::empty(401));
        }
        if video && request.content_type() != "application/octet-stream" {
            return Err(Answer::empty(415));
        }
        let number: usize = part.parse().map_err(|_| Answer::empty(404))?;
        let file = self
            .files
            .get_mut(&format!("urn:li:{kind}:{id}"))
            .ok_or_else(|| Answer::empty(404))?;
        if video {
            let due = (file.size - number * PART).min(PART);
            if request.body.len() != due {
                return Err(Answer::empty(400));
            }
        }
        let slot = file
            .parts
            .get_mut(number)
            .ok_or_else(|| Answer::empty(404))?;
        *slot = Some(request.body.clone());
        file.complete = !video;
        Ok(Answer::empty(if video { 200 } else { 201 })
            .header("etag", format!("\"{}\"", etag(&request.body))))
    }

    fn finalize(&mut self, body: &Value) -> Result<Answer, Answer> {
        fields(body, &["finalizeUploadRequest"], &[])?;
        let asked = &body["finalizeUploadRequest"];
        fields(asked, &["video", "uploadToken", "uploadedPartIds"], &[])?;
        let urn = text(asked, "video")?;
        let file = self
            .files
            .get_mut(urn)
            .ok_or_else(|| error(404, "NOT_FOUND", 0, "no such video"))?;
        if file.complete {
            return Err(error(
                400,
                "BAD_REQUEST",
                0,
                "The upload is finalized already",
            ));
        }
        let wanted: Option<Vec<String>> = file
            .parts
            .iter()
            .map(|part| part.as_deref().map(etag))
            .collect();
        if wanted.map(|etags| json!(etags)).as_ref() != asked.get("uploadedPartIds") {
            return Err(error(
                400,
                "BAD_REQUEST",
                0,
                "Parts are missing, or in another order",
            ));
        }
        file.complete = true;
        Ok(Answer::empty(200))
    }

    pub(super) fn media_status(&mut self, urn: &str) -> Result<Answer, Answer> {
        let file = self
            .files
            .get_mut(urn)
            .ok_or_else(|| error(404, "NOT_FOUND", 0, "no such file"))?;
        file.looks += 1;
        let looks = file.looks;
        let complete = file.complete;
        let owner = file.owner.clone();
        if self.may(false, &owner).is_err() {
            return Err(denied());
        }
        let status = match () {
            () if !complete => "WAITING_UPLOAD",
            () if self.breaks => "PROCESSING_FAILED",
            () if looks <= self.processing => "PROCESSING",
            () => "AVAILABLE",
        };
        let mut told = json!({ "id": urn, "owner": owner, "status": status });
        if status == "PROCESSING_FAILED" {
            told["processingFailureReason"] = json!("UNSUPPORTED_FORMAT");
        }
        Ok(Answer::json(200, &told))
    }
}
