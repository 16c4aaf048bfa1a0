"""Makes a language model of random weights, for tests against a real model server.

It knows nothing and writes words of random letters; a server's grammar makes them fit a
schema. Needs the package `gguf`, and writes the file that is named.
"""

import sys

import gguf
import numpy

CONTEXT = 8192
WIDTH, LAYERS, HEADS, INNER = 64, 2, 4, 128

# A turn a line; what is not text is left out.
TEMPLATE = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)

random = numpy.random.default_rng(7)


def weights(*shape):
    return random.normal(0, 0.02, shape).astype(numpy.float32)


# SentencePiece's kinds: 2 unknown, 3 control, 6 a byte, 1 a word.
words = [" ", *"abcdefghijklmnopqrstuvwxyz"]
vocabulary = [("<unk>", 2), ("<s>", 3), ("</s>", 3)]
vocabulary += [(f"<0x{byte:02X}>", 6) for byte in range(256)]
vocabulary += [(word.replace(" ", "\u2581"), 1) for word in words]

out = gguf.GGUFWriter(sys.argv[1], "llama")
out.add_name("jarchi-test")
out.add_context_length(CONTEXT)
out.add_embedding_length(WIDTH)
out.add_block_count(LAYERS)
out.add_feed_forward_length(INNER)
out.add_head_count(HEADS)
out.add_head_count_kv(HEADS)
out.add_rope_dimension_count(WIDTH // HEADS)
out.add_layer_norm_rms_eps(1e-5)
out.add_vocab_size(len(vocabulary))
out.add_tokenizer_model("llama")
out.add_token_list([text for text, _ in vocabulary])
out.add_token_scores([0.0 if kind == 1 else -1000.0 for _, kind in vocabulary])
out.add_token_types([kind for _, kind in vocabulary])
out.add_bos_token_id(1)
out.add_eos_token_id(2)
out.add_unk_token_id(0)
out.add_chat_template(TEMPLATE)

# The first number of every state is far above the others, so that the first weight of a
# token is how likely it is, whatever was said before.
embedding, output = weights(len(vocabulary), WIDTH), weights(len(vocabulary), WIDTH)
embedding[:, 0] = 1
output[:, 0] = -1
likely = [*words, *'"]},']
for at, (text, kind) in enumerate(vocabulary):
    if text.replace("\u2581", " ") in likely or kind == 6 and chr(int(text[3:5], 16)) in likely:
        output[at, 0] = 0

ones = numpy.ones(WIDTH, dtype=numpy.float32)
out.add_tensor("token_embd.weight", embedding)
out.add_tensor("output_norm.weight", ones)
out.add_tensor("output.weight", output)
for layer in range(LAYERS):
    block = f"blk.{layer}"
    out.add_tensor(f"{block}.attn_norm.weight", ones)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        out.add_tensor(f"{block}.{name}.weight", weights(WIDTH, WIDTH))
    out.add_tensor(f"{block}.ffn_norm.weight", ones)
    out.add_tensor(f"{block}.ffn_gate.weight", weights(INNER, WIDTH))
    out.add_tensor(f"{block}.ffn_up.weight", weights(INNER, WIDTH))
    out.add_tensor(f"{block}.ffn_down.weight", weights(WIDTH, INNER))

out.write_header_to_file()
out.write_kv_data_to_file()
out.write_tensors_to_file()
out.close()
