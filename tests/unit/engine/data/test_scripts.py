from engine.data.scripts import han_share, script_counts


def test_scripts_are_told_apart():
    assert script_counts("abc Привет 你好 12!") == {"Cyrillic": 6, "Latin": 3, "Han": 2}
    assert script_counts("한국어 ひらがな") == {"Hiragana and Katakana": 4, "Hangul": 3}


def test_share_of_chinese_characters():
    assert han_share("你好ab") == 0.5
    assert han_share("123") == 0.0
