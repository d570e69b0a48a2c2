"""The headings of tables and pages in Chinese; what is not a heading stays in English."""

from __future__ import annotations

_CHINESE = {
    "Leaderboard": "排行榜",
    "Leaderboards": "排行榜",
    "Dataset": "数据集",
    "Datasets": "数据集",
    "Method": "方法",
    "Kind": "类型",
    "AUC": "AUC",
    "ACC": "ACC",
    "Rank by AUC": "AUC 名次",
    "Rank by ACC": "ACC 名次",
    "AUC behind the best": "AUC 与最佳之差",
    "p, Holm": "p(Holm 校正)",
    "Seeds": "种子数",
    "AUC, over seeds": "AUC 区间(种子)",
    "AUC, over samples": "AUC 区间(样本)",
    "ACC, over seeds": "ACC 区间(种子)",
    "ACC, over samples": "ACC 区间(样本)",
    "Selected on": "选择所用划分",
    "Protocol": "协议",
    "Seconds": "秒",
    "Parameters": "参数量",
    "MACs": "乘加次数",
    "Note": "说明",
    "Source": "来源",
    "All results": "全部结果",
    "Learning curves": "学习曲线",
    "How the measured runs were made": "实测运行的来历",
    "Records that cannot be used": "无法使用的记录",
    "How to read this": "如何阅读",
    "The whole table, 2D": "总表(二维)",
    "The whole table, 3D": "总表(三维)",
    "Entries": "条目数",
    "Measured": "实测条目",
    "Best measured": "实测最佳",
    "Best quoted": "引用最佳",
    "Runs": "运行",
    "Data": "数据",
    "Hardware": "硬件",
    "Versions": "版本",
    "Finished": "完成时间",
}


class Words:
    """Headings of one language.

    Args:
        language: `en` or `zh`.
    """

    def __init__(self, language: str = "en") -> None:
        self.language = language

    def __call__(self, english: str) -> str:
        """Return a heading in the language; one that is not known stays as it is."""
        return _CHINESE.get(english, english) if self.language == "zh" else english
