"""Writes the golden files of text, Tests/Golden/data/text: tokenizer files as the package `tokenizers` makes them, what it makes of
some texts with each, and scores of sacreBLEU.

    python Tests/Golden/text.py          (needs tokenizers, sacrebleu)
"""

import json
import pathlib

import sacrebleu
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

FOLDER = pathlib.Path(__file__).parent / "data" / "text"

TEXT = """The quick brown fox jumps over the lazy dog. The dog isn't amused; the fox's friends are.
Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. Falsches Üben von Xylophonmusik quält jeden größeren Zwerg.
Le cœur déçu mais l'âme plutôt naïve, Louÿs rêva de crapaüter en canoë au delà des îles.
В чащах юга жил бы цитрус? Да, но фальшивый экземпляр!
いろはにほへと ちりぬるを わかよたれそ つねならむ
We'll see 12 ducks, 345 geese and 6789 swans in 2024, they've said; I'd say it's 3.14 times as many as we're told.
A man in a blue shirt is standing on a ladder cleaning a window. Two men in shirts are standing on ladders.
Ein Mann in einem blauen Hemd steht auf einer Leiter und putzt ein Fenster. Zwei Männer stehen auf Leitern.
"""

SAMPLES = [
    "", " ", "a", "The fox's dog isn't here, we'll see!", "  two  spaces   and\ttabs\n\nnew lines \n", "Zwerg größer ÜBER Straße",
    "naïve e\u0301te\u0301 cafe\u0301 \u00e9\u00c5\u212b ﬁne ① Ⅷ ½", "12345 1,234.50 3.14", "日本語 のテキスト、テスト。", "👩‍👩‍👧‍👦 emoji 🇩🇪🏳️‍🌈 ok",
    "\u0438\u0306 \u05e9\u05c1 \u0e01\u0e33 हिन्दी", "x<|end|>y <|end|> z", "<s>Hello</s> world", "İstanbul ΣΊΣΥΦΟΣ ǅ ẞ", "it's IT'S don't 'tis ''s",
    "a\u00a0b\u2003c\u3000d\u200be", "snake_case CamelCase kebab-case a.b.c http://x.y/z?q=1&r=2", "\r\n\x00\x7f\x1b", "word▁word ▁ ##word",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "thethethethethethethethethethethethethethethe dogdogdogdogdogdogdogdogdogdog",
]


def trained(tokenizer, **options):
    trainer = trainers.BpeTrainer(show_progress=False, **options)
    tokenizer.train_from_iterator(TEXT.splitlines(keepends=True), trainer)
    return tokenizer


def gpt2():
    """As GPT-2's: bytes, its words."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return trained(tokenizer, vocab_size=420, min_frequency=2, special_tokens=["<|end|>"],
                   initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def llama2():
    """As Llama 2's: visible spaces, bytes for what is unknown, no words, a token put first."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trained(tokenizer, vocab_size=520, min_frequency=2, limit_alphabet=60,
            special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)])
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = state["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    return tokenizer


def llama3():
    """As Llama 3's: an expression for words, then bytes; whole words that are tokens stay whole."""
    pattern = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
               r"|\s+(?!\S)|\s+")
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trained(tokenizer, vocab_size=400, min_frequency=2, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.add_special_tokens([AddedToken("<|end|>", normalized=False)])
    return tokenizer


def ends():
    """Lower case, words and punctuation, tokens that end a word."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.BPEDecoder(suffix="</w>")
    return trained(tokenizer, vocab_size=260, min_frequency=2, end_of_word_suffix="</w>",
                   special_tokens=["<unk>", "<|end|>"])


def mixed():
    """Everything else: NFD without accents, digits, punctuation, visible spaces, added tokens of each kind."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Punctuation(behavior="contiguous"),
        pre_tokenizers.Metaspace(prepend_scheme="first")])
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    trained(tokenizer, vocab_size=240, min_frequency=2, special_tokens=["<unk>"])
    tokenizer.add_special_tokens([AddedToken("<s>", lstrip=True), AddedToken("</s>", rstrip=True)])
    tokenizer.add_tokens([AddedToken("dog", single_word=True), AddedToken("größer", normalized=True), AddedToken("emoji")])
    return tokenizer


def splits():
    """Splitting at literals, each behaviour; NFC and NFKD."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.NFC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split("-", behavior="merged_with_previous"), pre_tokenizers.Split("_", behavior="merged_with_next"),
        pre_tokenizers.Split(".", behavior="removed"), pre_tokenizers.Split(Regex(r"\d+"), behavior="isolated", invert=True),
        pre_tokenizers.WhitespaceSplit()])
    tokenizer.decoder = decoders.Fuse()
    return trained(tokenizer, vocab_size=220, min_frequency=2, special_tokens=["<unk>"])


def tokenizers():
    cases = {}
    for make in [gpt2, llama2, llama3, ends, mixed, splits]:
        tokenizer, name = make(), make.__name__
        tokenizer.save(str(FOLDER / f"{name}.json"), pretty=False)
        # What the file says counts, not what the object remembers.
        tokenizer = Tokenizer.from_file(str(FOLDER / f"{name}.json"))
        entries = []
        for text in SAMPLES:
            plain = tokenizer.encode(text, add_special_tokens=False).ids
            entries.append({
                "text": text, "ids": plain, "special": tokenizer.encode(text).ids, "decoded": tokenizer.decode(plain),
                "whole": tokenizer.decode(plain, skip_special_tokens=False)})
        # Half characters.
        broken = [index for index in tokenizer.encode("größer 🇩🇪 ①", add_special_tokens=False).ids][1:-1:2]
        cases[name] = {"entries": entries, "broken": {"ids": broken, "decoded": tokenizer.decode(broken)}}
    return cases


def bleu():
    hypotheses = [
        "A man in a blue shirt is standing on a ladder cleaning a window.", "Two men are standing at the stove preparing food.",
        "It costs $1,234.50 -- about 3.14 % more than in 1999-2000.", "He said: \"No, thanks!\" and left...", "&quot;Quoted&quot; &amp; &lt;b&gt;",
        "naïve café, l'été!", "  spaces   here ", "日本語 テスト", "", "end-of-line hyphen-",
    ]
    references = [
        "A man in a blue shirt standing on a ladder cleans a window.", "Two men are at the stove preparing food.",
        "It cost $1,234.50, i.e. 3.14% more than in 1999-2000.", "He said \"No thanks!\", and he left...", "\"Quoted\" & <b>",
        "naïve cafe, l'été!", "spaces here", "日本語 の テスト", "nothing", "end-of-line hyphen -",
    ]
    cases = [(hypotheses, references), (hypotheses[:1], hypotheses[:1]), (["a b"], ["a b"]), (["a b c d e"], ["a c b d e"]),
             (["x"], ["y"]), (["the the the the the the the"], ["the cat is on the mat today"]), ([""], ["words"]),
             (hypotheses[:4] * 3, references[:4] * 2 + references[3::-1]), (["short one"], ["a much longer reference, indeed one"])]
    return [{"translations": h, "references": r, "score": sacrebleu.corpus_bleu(h, [r]).score} for h, r in cases]


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "training.txt").write_text(TEXT)
    (FOLDER / "tokens.json").write_text(json.dumps(tokenizers(), ensure_ascii=False))
    (FOLDER / "bleu.json").write_text(json.dumps(bleu(), ensure_ascii=False))


if __name__ == "__main__":
    main()
