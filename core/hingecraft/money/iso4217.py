"""Currencies of ISO 4217 that we do not accept, so that a request with one is rejected and not taken for dollars.

They are code and not rows of `currencies`, because a row there is live: pages offer it and checkouts are made in it.
As soon as a row has one of these codes, the row counts and the entry here no longer does.
"""

from __future__ import annotations


class CurrencyNames:
    """A code, its name, and other spellings."""

    def __init__(self, code: str, name: str, *words: str) -> None:
        self.code = code
        self.name = name
        self.words = (code, name, *words)


NOT_CHARGED = (
    CurrencyNames("BOV", "Bolivian mvdol", "mvdol"),
    CurrencyNames("BTN", "Bhutanese ngultrum", "Nu.", "ngultrum"),
    CurrencyNames("CHE", "WIR euro"),
    CurrencyNames("CHW", "WIR franc"),
    CurrencyNames("CLF", "Chilean unit of account", "unidad de fomento", "UF"),
    CurrencyNames("COU", "Colombian unit of real value", "unidad de valor real"),
    CurrencyNames("CUP", "Cuban peso", "$MN"),
    CurrencyNames("ERN", "Eritrean nakfa", "Nfk", "nakfa"),
    CurrencyNames("IQD", "Iraqi dinar", "ع.د"),
    CurrencyNames("IRR", "Iranian rial", "﷼", "rial", "toman"),
    CurrencyNames("KPW", "North Korean won"),
    CurrencyNames("LYD", "Libyan dinar", "ل.د"),
    CurrencyNames("MRU", "Mauritanian ouguiya", "UM", "ouguiya"),
    CurrencyNames("MXV", "Mexican investment unit"),
    CurrencyNames("SDG", "Sudanese pound", "ج.س."),
    CurrencyNames("SSP", "South Sudanese pound"),
    CurrencyNames("STN", "São Tomé and Príncipe new dobra"),
    CurrencyNames("SVC", "Salvadoran colón"),
    CurrencyNames("SYP", "Syrian pound", "£S", "ل.س"),
    CurrencyNames("TMT", "Turkmenistani manat"),
    CurrencyNames("USN", "US dollar (next day)"),
    CurrencyNames("UYI", "Uruguayan indexed peso"),
    CurrencyNames("UYW", "Uruguayan unidad previsional"),
    CurrencyNames("VED", "Venezuelan digital bolívar"),
    CurrencyNames("VES", "Venezuelan bolívar", "Bs.S", "bolívar", "bolivar"),
    CurrencyNames("XAD", "Arab accounting dinar"),
    CurrencyNames("XAG", "Silver"),
    CurrencyNames("XAU", "Gold"),
    CurrencyNames("XBA", "European composite unit"),
    CurrencyNames("XBB", "European monetary unit"),
    CurrencyNames("XBC", "European unit of account 9"),
    CurrencyNames("XBD", "European unit of account 17"),
    CurrencyNames("XDR", "Special drawing rights", "SDR"),
    CurrencyNames("XPD", "Palladium"),
    CurrencyNames("XPT", "Platinum"),
    CurrencyNames("XSU", "Sucre"),
    CurrencyNames("XTS", "Code for testing"),
    CurrencyNames("XUA", "ADB unit of account"),
    CurrencyNames("XXX", "No currency"),
    CurrencyNames("ZWG", "Zimbabwe gold", "ZiG"),
)
# Common in the last decades; people and old programs still write them.
WITHDRAWN = (
    CurrencyNames("ANG", "Netherlands Antillean guilder", "NAƒ"),
    CurrencyNames("ATS", "Austrian schilling"),
    CurrencyNames("BEF", "Belgian franc"),
    CurrencyNames("BGN", "Bulgarian lev", "лв"),
    CurrencyNames("BYR", "Belarusian rouble (2000 to 2016)"),
    CurrencyNames("CUC", "Cuban convertible peso"),
    CurrencyNames("CYP", "Cypriot pound"),
    CurrencyNames("DEM", "German mark", "DM", "Deutsche Mark"),
    CurrencyNames("EEK", "Estonian kroon"),
    CurrencyNames("ESP", "Spanish peseta", "₧", "peseta"),
    CurrencyNames("FIM", "Finnish markka"),
    CurrencyNames("FRF", "French franc", "₣"),
    CurrencyNames("GRD", "Greek drachma", "₯", "drachma"),
    CurrencyNames("HRK", "Croatian kuna", "kn", "kuna"),
    CurrencyNames("IEP", "Irish pound"),
    CurrencyNames("ITL", "Italian lira", "₤"),
    CurrencyNames("LTL", "Lithuanian litas"),
    CurrencyNames("LUF", "Luxembourg franc"),
    CurrencyNames("LVL", "Latvian lats"),
    CurrencyNames("MRO", "Mauritanian ouguiya (1973 to 2017)"),
    CurrencyNames("MTL", "Maltese lira"),
    CurrencyNames("NLG", "Dutch guilder", "ƒ"),
    CurrencyNames("PTE", "Portuguese escudo"),
    CurrencyNames("SIT", "Slovenian tolar"),
    CurrencyNames("SKK", "Slovak koruna"),
    CurrencyNames("SLL", "Sierra Leonean leone (1964 to 2022)"),
    CurrencyNames("TRL", "Turkish lira (until 2005)"),
    CurrencyNames("VEF", "Venezuelan bolívar fuerte"),
    CurrencyNames("ZMK", "Zambian kwacha (1968 to 2012)"),
    CurrencyNames("ZWL", "Zimbabwean dollar"),
)
