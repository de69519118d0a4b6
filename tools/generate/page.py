def build_page(s):
    return ""
