# ruff: noqa: RUF001 - Chinese has its own punctuation
"""What leaderboards say, in Chinese: headings, kinds, sentences, remarks."""

from __future__ import annotations

import re
from typing import Any

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
    "p, Holm": "p（Holm 校正）",
    "Seeds": "种子数",
    "AUC, over seeds": "AUC 区间（种子）",
    "AUC, over samples": "AUC 区间（样本）",
    "ACC, over seeds": "ACC 区间（种子）",
    "ACC, over samples": "ACC 区间（样本）",
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
    "The whole table, 2D": "总表（二维）",
    "The whole table, 3D": "总表（三维）",
    "Entries": "条目数",
    "Measured": "实测条目",
    "Best measured": "实测最佳",
    "Best quoted": "引用最佳",
    "Runs": "运行",
    "Data": "数据",
    "Hardware": "硬件",
    "Versions": "版本",
    "Finished": "完成时间",
    "published (quoted)": "已发表（引用）",
    "replication (quoted)": "复现（引用）",
    "measured": "实测",
    "measured (entered)": "实测（录入）",
    "floor": "下限",
    "Majority class": "多数类",
    "Logistic regression": "逻辑回归",
    "Test splits. Quoted numbers are marked as such; what is not known is empty.": (
        "测试集结果。引用的数值均已注明；未知项留空。"
    ),
    "The metric that the weights were selected by.": "选择权重所依据的指标。",
    "epoch": "轮次",
    "seed {n}": "种子 {n}",
    "the first {n} of {total} seeds": "{total} 个种子中的前 {n} 个",
    "Quoted numbers were measured by others, on their machines; measured ones here. "
    "Mean ± standard deviation over seeds. What is not known is empty.": (
        "引用值由他人在其设备上测得；实测值由本工具在此测得。"
        "数值为各种子的均值 ± 标准差。未知项留空。"
    ),
    "Over seeds: 95 % t interval of the mean over seeds. Over samples: 95 % percentile bootstrap "
    "interval over test samples, of the mean over seeds. The first is chance of training, the "
    "second chance of the test split; neither includes the other.": (
        "种子区间：各种子均值的 95% t 区间。"
        "样本区间：对测试样本自助重采样（各种子的均值）得到的 95% 百分位区间。"
        "前者反映训练的随机性，后者反映测试集的随机性；两者互不包含。"
    ),
    "Rank: what a paired bootstrap over test samples ({n_resamples} resamples, seed {seed}) leaves "
    "open at {alpha:.0%}, all pairs of the {n_methods} methods tested on the same samples "
    "compared, p adjusted by Holm's method. A range that begins with 1 means: not shown to differ "
    "from the best.": (
        "名次：对测试样本作配对自助重采样（{n_resamples} 次，种子 {seed}），在 {alpha:.0%} "
        "水平上无法区分的名次范围；在相同样本上测试的 {n_methods} 种方法两两比较，"
        "p 值经 Holm 校正。以 1 开头的范围表示：未能证明与最佳者有差异。"
    ),
    "Numbers selected on test are too good, as the test labels chose what was scored; they are "
    "not ranked.": "在测试集上选择的数值偏高，因为测试标签决定了被评分的对象；这些数值不参与排名。",
}
_REMARKS = {
    "selected on test: the number is too good": "在测试集上选择，数值偏高",
    "modified data, not the published files": "数据经过修改，并非已发布的文件",
    "synthetic data": "合成数据",
    "compiled network, which rounds differently": "已编译的网络，舍入方式不同",
    "training started from given weights, but for the last layer": "由给定权重开始训练，末层除外",
    "training started from given weights": "由给定权重开始训练",
    "features of given weights": "给定权重的特征",
    "features of an untrained network": "未经训练的网络的特征",
    "fitted on pixels, not trained over epochs": "直接在像素上拟合，不分轮次训练",
    "the same shape factor for every volume, in training too": (
        "所有体数据（含训练）使用同一形状因子"
    ),
    r"pixels at the stored size of (\d+), not enlarged": r"按存储尺寸 \1 使用像素，未放大",
    r"L-BFGS had not converged after (\d+) iterations": r"L-BFGS 迭代 \1 次后仍未收敛",
    r"(\d+) epochs?, not the protocol \((\d+)\)": r"训练 \1 轮，而非协议规定的 \2 轮",
    r"convolutions in (\w+)": r"卷积精度 \1",
    r"trained on ([\w.+-]+)": r"在 \1 上训练",
    r"always ('[^']*')": r"总是预测 \1",
}


class Words:
    """What is said in one language; what is not known to it stays in English.

    Args:
        language: `en` or `zh`.
    """

    def __init__(self, language: str = "en") -> None:
        self.language = language

    def __call__(self, english: str, **values: Any) -> str:
        """Return a heading or a sentence in the language, with values where it has gaps."""
        found = _CHINESE.get(english, english) if self.language == "zh" else english
        return found.format(**values) if values else found

    def remark(self, english: str) -> str:
        """Return what is remarked of an entry, remarks with commas, in the language."""
        if self.language == "zh":
            for told, chinese in _REMARKS.items():
                english = re.sub(rf"\b{told}(?=, |$)", chinese, english)
        return english
