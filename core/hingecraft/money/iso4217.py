"""Currencies of ISO 4217 that we do not accept, so that a request with one is rejected and not taken for dollars.

They are code and not rows of `currencies`, because a row there is live: pages offer it and checkouts are made in it.
As soon as a row has one of these codes, the row counts and the entry here no longer does.
"""

from __future__ import annotations


class Named:
    """A code, its name, and other spellings."""

    def __init__(self, code: str, name: str, *words: str) -> None:
        self.code = code
        self.name = name
        self.words = (code, name, *words)


NOT_CHARGED = (
    Named("BOV", "Bolivian mvdol", "mvdol"),
    Named("BTN", "Bhutanese ngultrum", "Nu.", "ngultrum"),
    Named("CHE", "WIR euro"),
    Named("CHW", "WIR franc"),
    Named("CLF", "Chilean unit of account", "unidad de fomento", "UF"),
    Named("COU", "Colombian unit of real value", "unidad de valor real"),
    Named("CUP", "Cuban peso", "$MN"),
    Named("ERN", "Eritrean nakfa", "Nfk", "nakfa"),
    Named("IQD", "Iraqi dinar", "ع.د"),
    Named("IRR", "Iranian rial", "﷼", "rial", "toman"),
    Named("KPW", "North Korean won"),
    Named("LYD", "Libyan dinar", "ل.د"),
    Named("MRU", "Mauritanian ouguiya", "UM", "ouguiya"),
    Named("MXV", "Mexican investment unit"),
    Named("SDG", "Sudanese pound", "ج.س."),
    Named("SSP", "South Sudanese pound"),
    Named("STN", "São Tomé and Príncipe new dobra"),
    Named("SVC", "Salvadoran colón"),
    Named("SYP", "Syrian pound", "£S", "ل.س"),
    Named("TMT", "Turkmenistani manat"),
    Named("USN", "US dollar (next day)"),
    Named("UYI", "Uruguayan indexed peso"),
    Named("UYW", "Uruguayan unidad previsional"),
    Named("VED", "Venezuelan digital bolívar"),
    Named("VES", "Venezuelan bolívar", "Bs.S", "bolívar", "bolivar"),
    Named("XAD", "Arab accounting dinar"),
    Named("XAG", "Silver"),
    Named("XAU", "Gold"),
    Named("XBA", "European composite unit"),
    Named("XBB", "European monetary unit"),
    Named("XBC", "European unit of account 9"),
    Named("XBD", "European unit of account 17"),
    Named("XDR", "Special drawing rights", "SDR"),
    Named("XPD", "Palladium"),
    Named("XPT", "Platinum"),
    Named("XSU", "Sucre"),
    Named("XTS", "Code for testing"),
    Named("XUA", "ADB unit of account"),
    Named("XXX", "No currency"),
    Named("ZWG", "Zimbabwe gold", "ZiG"),
)
# Common in the last decades; people and old programs still write them.
WITHDRAWN = (
    Named("ANG", "Netherlands Antillean guilder", "NAƒ"),
    Named("ATS", "Austrian schilling"),
    Named("BEF", "Belgian franc"),
    Named("BGN", "Bulgarian lev", "лв"),
    Named("BYR", "Belarusian rouble (2000 to 2016)"),
    Named("CUC", "Cuban convertible peso"),
    Named("CYP", "Cypriot pound"),
    Named("DEM", "German mark", "DM", "Deutsche Mark"),
    Named("EEK", "Estonian kroon"),
    Named("ESP", "Spanish peseta", "₧", "peseta"),
    Named("FIM", "Finnish markka"),
    Named("FRF", "French franc", "₣"),
    Named("GRD", "Greek drachma", "₯", "drachma"),
    Named("HRK", "Croatian kuna", "kn", "kuna"),
    Named("IEP", "Irish pound"),
    Named("ITL", "Italian lira", "₤"),
    Named("LTL", "Lithuanian litas"),
    Named("LUF", "Luxembourg franc"),
    Named("LVL", "Latvian lats"),
    Named("MRO", "Mauritanian ouguiya (1973 to 2017)"),
    Named("MTL", "Maltese lira"),
    Named("NLG", "Dutch guilder", "ƒ"),
    Named("PTE", "Portuguese escudo"),
    Named("SIT", "Slovenian tolar"),
    Named("SKK", "Slovak koruna"),
    Named("SLL", "Sierra Leonean leone (1964 to 2022)"),
    Named("TRL", "Turkish lira (until 2005)"),
    Named("VEF", "Venezuelan bolívar fuerte"),
    Named("ZMK", "Zambian kwacha (1968 to 2012)"),
    Named("ZWL", "Zimbabwean dollar"),
)
