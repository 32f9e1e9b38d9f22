#pragma once

#include "model/encoder.hpp"
#include "model/sequence_trainer.hpp"
#include "model/training/dropout.hpp"

#include <torch/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace troupe::model::training {

/// Vectors of items, all or some: leaves of the graph, so that the gradients of some are no larger
/// than they are.
struct item_view {
  torch::Tensor ids;     ///< [items, d]: the leaf
  torch::Tensor bias;    ///< [items]: the leaf
  torch::Tensor vectors; ///< [items, d]: with the parts of the labels and of their own vectors
  torch::Tensor padded;  ///< [items + 1, d]: with a row of zeros behind, for padding
};

/// An encoder as LibTorch trains it, with the table of the items. The tensors' names are those of
/// recurrent_encoder and transformer_encoder; see there for shapes and papers.
class network {
public:
  virtual ~network() = default;
  network(const network&) = delete;
  network& operator=(const network&) = delete;

  /// Draws from LibTorch's generator.
  [[nodiscard]] static std::unique_ptr<network> make(const encoder_shape& shape,
                                                     const sequence_data& data, double dropout);

  /// All items; the leaves are the tensors themselves.
  [[nodiscard]] item_view all_items() const;

  /// Those of `rows` [count], rising; the leaves are copies.
  [[nodiscard]] item_view some_items(const torch::Tensor& rows) const;

  /// What comes out of the last block: [sequences, steps, d] of numbers of the same shape but the
  /// last dimension; `padded` is an item_view's.
  [[nodiscard]] torch::Tensor encode(const torch::Tensor& padded, const torch::Tensor& items,
                                     const torch::Tensor& kinds, const torch::Tensor& gaps);

  /// Queries, [rows, d], of what came out and the buckets of the time since.
  [[nodiscard]] torch::Tensor query(const torch::Tensor& out, const torch::Tensor& gaps) const;

  /// With dropout, drawn from this seed, or without.
  void train(std::uint64_t seed) { dropout_.begin(seed); }

  void rest() { dropout_.end(); }

  /// What is learnt, by the names that snapshots have.
  [[nodiscard]] const std::map<std::string, torch::Tensor>& tensors() const { return tensors_; }

protected:
  network(const encoder_shape& shape, const sequence_data& data, double dropout);

  /// The gated feed-forward half of a block.
  struct feed_forward {
    torch::Tensor norm_weight, norm_bias, gate_weight, gate_bias, up_weight, up_bias, down_weight,
        down_bias;
  };

  torch::Tensor add(const std::string& name, const torch::Tensor& begin);
  /// As torch::nn::Linear begins.
  torch::Tensor add_dense(const std::string& name, std::size_t to, std::size_t from);
  [[nodiscard]] feed_forward add_feed_forward(const std::string& block);
  [[nodiscard]] torch::Tensor feed(const feed_forward& by, const torch::Tensor& x);

  [[nodiscard]] virtual torch::Tensor run_blocks(torch::Tensor x) = 0;

  encoder_shape shape_;
  dropout dropout_;

private:
  void add_content();
  [[nodiscard]] torch::Tensor label_part(const torch::Tensor& rows) const;
  /// `to` [rows, d] with the projection of the items' own vectors added; `rows` as in some_items,
  /// not defined: all.
  [[nodiscard]] torch::Tensor with_content(const torch::Tensor& to,
                                           const torch::Tensor& rows) const;

  std::map<std::string, torch::Tensor> tensors_;
  torch::Tensor item_id_, item_bias_, label_, kind_, gap_, query_gap_, norm_weight_, norm_bias_;
  const sequence_data& data_;
  torch::Tensor label_rows_, label_offsets_, label_shares_; // how labels make all items' vectors
  torch::Tensor content_weight_;
  torch::Tensor contents_, content_items_; // of sequence_data; contents_ are its values themselves
};

} // namespace troupe::model::training
