#pragma once

#include "model/encoder.hpp"
#include "model/sequence_trainer.hpp"

#include <torch/types.h>

#include <map>
#include <string>
#include <vector>

namespace troupe::model::training {

/// The recurrent encoder as LibTorch trains it, with the table of the items. The tensors'
/// names are those of recurrent_encoder; see there for shapes and papers.
class network {
public:
  network(const encoder_shape& shape, const sequence_data& data, double dropout);

  /// Vectors of all items, [items, d].
  [[nodiscard]] torch::Tensor item_vectors() const;

  /// What comes out of the last block: [sequences, steps, d] of numbers of the same shape but the
  /// last dimension. `vectors` is item_vectors() with a row of zeros behind it, for padding.
  [[nodiscard]] torch::Tensor encode(const torch::Tensor& vectors, const torch::Tensor& items,
                                     const torch::Tensor& kinds, const torch::Tensor& gaps);

  /// Queries, [rows, d], of what came out and the buckets of the time since.
  [[nodiscard]] torch::Tensor query(const torch::Tensor& out, const torch::Tensor& gaps) const;

  [[nodiscard]] const torch::Tensor& item_bias() const { return item_bias_; }

  /// With dropout or without.
  void train(bool on) { training_ = on; }

  /// What is learnt, by the names that snapshots have.
  [[nodiscard]] const std::map<std::string, torch::Tensor>& tensors() const { return tensors_; }

  [[nodiscard]] std::vector<torch::Tensor> parameters() const;

private:
  struct block {
    torch::Tensor norm_weight, norm_bias, in, nu, theta, out_weight, out_bias, skip;
    torch::Tensor ff_norm_weight, ff_norm_bias, gate_weight, gate_bias, up_weight, up_bias,
        down_weight, down_bias;
  };

  torch::Tensor add(const std::string& name, const torch::Tensor& begin);
  void add_block(std::size_t index);
  torch::Tensor recur(const block& by, const torch::Tensor& normed) const;
  torch::Tensor drop(const torch::Tensor& from) const;

  encoder_shape shape_;
  double dropout_;
  bool training_ = true;
  std::map<std::string, torch::Tensor> tensors_;
  torch::Tensor item_id_, item_bias_, label_, kind_, gap_, query_gap_, norm_weight_, norm_bias_;
  torch::Tensor label_rows_, label_offsets_, label_shares_; // how labels make a vector
  std::vector<block> blocks_;
};

} // namespace troupe::model::training
